"""The dependent click model, simplified: after a click people go on by its position, or stop.

Simplified means that the last click of a list is taken for the end of the reading, and that a list
without a click is taken to have been read whole. The second is certain under the model, the first
is a bound; it makes the fit one count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from rankloop.bias.base import ClickModel, PriorConfig
from rankloop.bias.chains import Chain, look_up
from rankloop.bias.tails import Tails
from rankloop.errors import NotEnoughDataError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.lists import Lists


@dataclass(frozen=True, slots=True)
class DependentClickModel(ClickModel[Tails, PriorConfig]):
    """Attraction by pair, and the chance to read on after a click by position.

    Attributes:
        attraction: `[n_pairs]` float64 in (0, 1), chance of a click if read.
        continuation: `[n_positions]` float64 in [0, 1], chance to read on after a click; the
            paper's lambda. 0.5 where nothing was clicked.
    """

    attraction: NDArray[np.float64]
    continuation: NDArray[np.float64]

    @classmethod
    def fit(cls, counts: Tails, config: PriorConfig | None = None) -> Self:
        """Count clicks per reading, and clicks that were not the last.

        Someone who reads on after a click and finds nothing is taken to have stopped, so
        `continuation` comes out too low, and attraction too high.

        Args:
            counts: Tails.
            config: The prior of attractions.

        Raises:
            NotEnoughDataError: There are no clicks.

        Source: Guo, Liu & Wang, Efficient Multiple-Click Models in Web Search, WSDM 2009,
            section 3.

        Example:
            >>> from rankloop.bias.cells import Pairs
            >>> from rankloop.bias.lists import Lists
            >>> from rankloop.bias.tails import fold_tails
            >>> table = Pairs(
            ...     np.zeros(2, int), np.array(["q"], object), np.array(["a", "b"], object)
            ... )
            >>> clicks = np.array([[1, 1], [1, 0], [0, 0], [0, 1]], dtype=bool)
            >>> model = DependentClickModel.fit(
            ...     fold_tails(Lists(np.array([[0, 1]] * 4), clicks, table))
            ... )
            >>> model.continuation
            array([0.5, 0. ])
        """
        config = config or PriorConfig()
        if not counts.clicks.any():
            raise NotEnoughDataError("the log has no clicks")
        clicks = counts.position_clicks
        share = counts.position_last_clicks / np.maximum(clicks, 1)
        return cls(
            attraction=config.share(counts.clicks, counts.n_read + counts.count_unclicked()),
            continuation=np.where(clicks > 0, 1 - share, 0.5),
        )

    def predict_clicks(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predict clicks from documents; see `ClickModel`.

        Raises:
            TableError: Lists are longer than the log's.
        """
        return self._chain(pairs).predict_clicks()

    def predict_next_clicks(self, lists: Lists) -> NDArray[np.float64]:
        """Predict clicks from what was clicked above; see `ClickModel`.

        Raises:
            TableError: Lists are longer than the log's.
        """
        return self._chain(lists.pairs).predict_next_clicks(lists)

    def _chain(self, pairs: NDArray[np.int64]) -> Chain:
        n_positions = pairs.shape[1]
        if n_positions > self.continuation.size:
            raise TableError(
                f"lists have {n_positions} places, the model knows {self.continuation.size}",
                where="pairs",
            )
        attraction = look_up(self.attraction, pairs)
        go_on = np.broadcast_to(self.continuation[:n_positions], attraction.shape)
        return Chain(attraction, go_on, np.ones_like(attraction))
