"""The cascade model: people read from the top and stop at their first click.

A list with a second click has no chance under it, so only first clicks are read. On the one large
public log with expert labels this simplest of models ranked best, though it predicts clicks worst.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from rankloop.bias.base import ClickModel, PriorConfig
from rankloop.bias.cells import Cells
from rankloop.bias.chains import Chain, look_up
from rankloop.errors import NotEnoughDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.lists import Lists


@dataclass(frozen=True, slots=True)
class CascadeModel(ClickModel[Cells, PriorConfig]):
    """Attraction by pair, from what stood at or above the first click.

    Attributes:
        attraction: `[n_pairs]` float64 in (0, 1), chance of a click if read.
    """

    attraction: NDArray[np.float64]

    @classmethod
    def fit(cls, counts: Cells, config: PriorConfig | None = None) -> Self:
        """Count first clicks per reading; a place was read if no click is above it.

        Args:
            counts: Cells with their previous clicks.
            config: The prior.

        Raises:
            NotEnoughDataError: There are no impressions or no clicks.

        Source: Craswell et al., An Experimental Comparison of Click Position-Bias Models, WSDM
            2008.

        Example:
            >>> cells = Cells.from_columns(
            ...     {
            ...         "query_key": ["q"] * 3,
            ...         "document_id": ["a", "b", "b"],
            ...         "position": [0, 1, 1],
            ...         "previous_click": [-1, -1, 0],
            ...         "n": [100, 60, 40],
            ...         "clicks": [40, 15, 0],
            ...     }
            ... )
            >>> CascadeModel.fit(cells, PriorConfig(1e-9, 1e-9)).attraction.round(2)
            array([0.4 , 0.25])
        """
        config = config or PriorConfig()
        if not counts.clicks.any():
            raise NotEnoughDataError("the log has no clicks")
        read = counts.previous_click < 0
        n_pairs = len(counts.pairs)
        n = np.bincount(counts.pair[read], counts.n[read], n_pairs)
        clicks = np.bincount(counts.pair[read], counts.clicks[read], n_pairs)
        return cls(config.share(clicks, n))

    def predict_clicks(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predict clicks from documents; see `ClickModel`."""
        return self._chain(pairs).predict_clicks()

    def predict_next_clicks(self, lists: Lists) -> NDArray[np.float64]:
        """Predict clicks from what was clicked above: none below the first click."""
        return self._chain(lists.pairs).predict_next_clicks(lists)

    def _chain(self, pairs: NDArray[np.int64]) -> Chain:
        attraction = look_up(self.attraction, pairs)
        return Chain(attraction, np.zeros_like(attraction), np.ones_like(attraction))
