"""Reading from the top: what models have in common whose people go on place by place, or stop.

In such models a place is reached only through the one above it. A click proves that its place was
reached; what comes below then depends on the chance to go on after a click or after none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.lists import Lists


@dataclass(frozen=True, slots=True)
class Chain:
    """Lists as a model sees them; `[n_lists, n_positions]` each.

    Attributes:
        attraction: float64 in [0, 1], chance of a click if reached; 0 past the end.
        after_click: float64 in [0, 1], chance to go on to the next place after a click here.
        after_skip: float64 in [0, 1], the same after none.
    """

    attraction: NDArray[np.float64]
    after_click: NDArray[np.float64]
    after_skip: NDArray[np.float64]

    def predict_clicks(self) -> NDArray[np.float64]:
        """Return the chance of a click at each place, nothing being known of the clicks.

        A place is reached with chance e; below it, e (a g_click + (1 - a) g_skip).
        """
        a = self.attraction
        go_on = a * self.after_click + (1 - a) * self.after_skip
        reached = np.ones_like(a)
        np.cumprod(go_on[:, :-1], axis=1, out=reached[:, 1:])
        return reached * a

    def predict_next_clicks(self, lists: Lists) -> NDArray[np.float64]:
        """Return the chance of a click at each place, given the clicks above it.

        After no click at a place that was reached with chance e, the chance that it was is
        e (1 - a) / (1 - e a); after a click it is 1.
        """
        a = self.attraction
        predicted = np.empty_like(a)
        reached = np.ones(a.shape[0])
        for place in range(a.shape[1]):
            predicted[:, place] = reached * a[:, place]
            missed = np.maximum(1 - predicted[:, place], np.finfo(np.float64).tiny)
            after_skip = reached * (1 - a[:, place]) / missed * self.after_skip[:, place]
            reached = np.where(lists.clicks[:, place], self.after_click[:, place], after_skip)
        return predicted


def look_up(values: NDArray[np.float64], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a value per pair in the shape of lists, 0 past their ends.

    Example:
        >>> look_up(np.array([0.5, 0.25]), np.array([[1, 0], [0, -1]])).tolist()
        [[0.25, 0.5], [0.5, 0.0]]
    """
    return np.where(pairs >= 0, values[pairs], 0.0)
