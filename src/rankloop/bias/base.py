"""What the room promises: a click model says how likely a click is, given a list."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import numpy as np

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.lists import Lists

CountsT = TypeVar("CountsT")
ConfigT = TypeVar("ConfigT")


class ClickModel(ABC, Generic[CountsT, ConfigT]):
    """A theory of how people read a list, fitted to a log.

    Every model tells attraction, which belongs to a pair, from how people got to see it. `CountsT`
    is what the model reads of a log, counts that add up: `Cells` or `Tails`. A pair without data
    has the mean of the model's prior.

    Attributes:
        attraction: `[n_pairs]` float64 in [0, 1], chance of a click if looked at, under the
            numbering of the counts that the model was fitted to.
    """

    attraction: NDArray[np.float64]

    @classmethod
    @abstractmethod
    def fit(cls, counts: CountsT, config: ConfigT | None = None) -> Self:
        """Fit the model to what a log was folded into.

        Raises:
            NotEnoughDataError: The log has no impressions or no clicks.
        """

    @abstractmethod
    def predict_clicks(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predict a click at each place of lists of which nothing but the documents is known.

        Args:
            pairs: `[n_lists, n_positions]` int64, -1 past the end of a list.

        Returns:
            `[n_lists, n_positions]` float64 in [0, 1]; 0 past the end.
        """

    @abstractmethod
    def predict_next_clicks(self, lists: Lists) -> NDArray[np.float64]:
        """Predict a click at each place, knowing what was clicked above it.

        Returns:
            `[n_lists, n_positions]` float64 in [0, 1]; 0 past the end.
        """


@dataclass(frozen=True, slots=True)
class PriorConfig:
    """What models that only count believe of a pair before they counted."""

    prior_clicks: float = 0.2
    """Clicks that every chance is given beforehand, above 0."""

    prior_skips: float = 1.0
    """Looks without a click that every chance is given beforehand, above 0."""

    def __post_init__(self) -> None:
        if self.prior_clicks <= 0 or self.prior_skips <= 0:
            raise SettingsError("prior_clicks and prior_skips must be above 0")

    def share(self, clicks: NDArray[np.int64], n: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the share that was clicked, the prior included.

        Example:
            >>> PriorConfig(1, 1).share(np.array([3, 0]), np.array([4, 0])).round(2)
            array([0.67, 0.5 ])
        """
        beforehand = self.prior_clicks + self.prior_skips
        return np.asarray((clicks + self.prior_clicks) / (n + beforehand), dtype=np.float64)
