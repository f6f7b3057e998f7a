"""The dynamic Bayesian network, simplified: people read from the top until a click satisfies them.

Simplified means that nobody tires, and that the last click of a list is taken to have satisfied.
This counts instead of maximizing a likelihood; its satisfaction is a cheap signal of quality.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from rankloop.bias.base import ClickModel, PriorConfig
from rankloop.bias.chains import Chain, look_up
from rankloop.bias.tails import Tails
from rankloop.errors import NotEnoughDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.lists import Lists


@dataclass(frozen=True, slots=True)
class SimplifiedDBN(ClickModel[Tails, PriorConfig]):
    """Attraction and satisfaction by pair.

    Attributes:
        attraction: `[n_pairs]` float64 in (0, 1), chance of a click if read.
        satisfaction: `[n_pairs]` float64 in (0, 1), chance that a click is the last.
    """

    attraction: NDArray[np.float64]
    satisfaction: NDArray[np.float64]

    @classmethod
    def fit(cls, counts: Tails, config: PriorConfig | None = None) -> Self:
        """Count clicks per reading, and last clicks per click.

        Where people tire, places below the last click were not all read, and those below no click
        at all neither: attractions of documents that stand low come out too low, and satisfaction
        too high.

        Args:
            counts: Tails.
            config: The prior of both chances.

        Raises:
            NotEnoughDataError: There are no clicks.

        Source: Chapelle & Zhang, A Dynamic Bayesian Network Click Model for Web Search Ranking,
            WWW 2009, section 5 (algorithm 1).

        Example:
            >>> from rankloop.bias.cells import Pairs
            >>> from rankloop.bias.lists import Lists
            >>> from rankloop.bias.tails import fold_tails
            >>> table = Pairs(
            ...     np.zeros(2, int), np.array(["q"], object), np.array(["a", "b"], object)
            ... )
            >>> clicks = np.array([[1, 1], [1, 0], [0, 0], [0, 1]], dtype=bool)
            >>> tails = fold_tails(Lists(np.array([[0, 1]] * 4), clicks, table))
            >>> model = SimplifiedDBN.fit(tails, PriorConfig(1e-9, 1e-9))
            >>> model.attraction.round(2), model.satisfaction.round(2)
            (array([0.5 , 0.67]), array([0.5, 1. ]))
        """
        config = config or PriorConfig()
        if not counts.clicks.any():
            raise NotEnoughDataError("the log has no clicks")
        return cls(
            attraction=config.share(counts.clicks, counts.n_read + counts.count_unclicked()),
            satisfaction=config.share(counts.last_clicks, counts.clicks),
        )

    def predict_clicks(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predict clicks from documents; see `ClickModel`."""
        return self._chain(pairs).predict_clicks()

    def predict_next_clicks(self, lists: Lists) -> NDArray[np.float64]:
        """Predict clicks from what was clicked above; see `ClickModel`."""
        return self._chain(lists.pairs).predict_next_clicks(lists)

    def _chain(self, pairs: NDArray[np.int64]) -> Chain:
        attraction = look_up(self.attraction, pairs)
        go_on = 1 - look_up(self.satisfaction, pairs)
        return Chain(attraction, go_on, np.ones_like(attraction))
