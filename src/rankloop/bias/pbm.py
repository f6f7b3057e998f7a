"""The position-based model: whether a place is looked at depends on its position alone.

P(click) = examination[position] * attraction[pair]. It cannot say that a click makes the places
below less interesting; over all lists it then gives the average effect of a position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from rankloop.bias.base import ClickModel
from rankloop.bias.cells import Cells
from rankloop.bias.chains import look_up
from rankloop.bias.expectation import EMConfig, fold_looks, maximize
from rankloop.errors import NotEnoughDataError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.lists import Lists


@dataclass(frozen=True, slots=True)
class PositionBasedModel(ClickModel[Cells, EMConfig]):
    """Examination by position and attraction by pair.

    Attributes:
        attraction: `[n_pairs]` float64 in [0, 1], chance of a click at position 0.
        examination: `[n_positions]` float64 above 0, relative to position 0, which is 1.
        n_rounds: Rounds that the fit took.
        start_difference: Largest difference between two starts' examinations; NaN where there was
            one start or examination was given. Over 0.05, do not read `examination`: take the
            propensities, which know their errors, and fit attractions to them.
    """

    attraction: NDArray[np.float64]
    examination: NDArray[np.float64]
    n_rounds: int
    start_difference: float

    @classmethod
    def fit(cls, counts: Cells, config: EMConfig | None = None) -> Self:
        """Fit to cells by expectation maximization, which on cells is exact.

        Position and attraction are told apart by pairs that were shown at several positions. Where
        rankings hardly vary, the fit ends near its start and shows a smooth curve all the same:
        `start_difference` says so.

        Args:
            counts: Cells; weeks, contexts, shards and previous clicks are summed over.
            config: Rounds, prior, known examination.

        Raises:
            NotEnoughDataError: There are no impressions, none at position 0, or no clicks.
            TableError: The known examination has fewer positions than the log.

        Source: Richardson, Dominowska & Ragno, Predicting Clicks, WWW 2007; Chuklin, Markov & de
            Rijke, Click Models for Web Search, 2015, section 4.2.

        Example:
            >>> cells = Cells.from_columns(
            ...     {
            ...         "query_key": ["q"] * 4,
            ...         "document_id": ["a", "b", "a", "b"],
            ...         "position": [0, 1, 1, 0],
            ...         "n": [10_000] * 4,
            ...         "clicks": [4_000, 1_000, 2_000, 2_000],
            ...     }
            ... )
            >>> model = PositionBasedModel.fit(cells, EMConfig(n_rounds=500))
            >>> model.examination.round(2), model.attraction.round(2)
            (array([1. , 0.5]), array([0.4, 0.2]))
        """
        config = config or EMConfig()
        n_positions = counts.n_positions
        looks = fold_looks(
            (counts.pair, counts.position.astype(np.int64)),
            (counts.n, counts.clicks),
            (len(counts.pairs), n_positions),
        )
        if not bool((looks.look == 0).any()):
            raise NotEnoughDataError("nothing was ever shown at position 0", where="position")
        known = None
        if config.examination is not None:
            known = np.asarray(config.examination[:n_positions], dtype=np.float64)
            if known.size < n_positions:
                raise TableError(
                    f"examination has {known.size} positions, the log {n_positions}",
                    where="examination",
                )
        fitted = maximize(looks, config, known)
        first = float(fitted.examination[0])
        return cls(
            attraction=fitted.attraction * first,
            examination=fitted.examination / first,
            n_rounds=fitted.n_rounds,
            start_difference=fitted.start_difference,
        )

    def predict_clicks(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predict clicks from documents; see `ClickModel`.

        Raises:
            TableError: Lists are longer than the log's.
        """
        n_positions = pairs.shape[1]
        if n_positions > self.examination.size:
            raise TableError(
                f"lists have {n_positions} places, the model knows {self.examination.size}",
                where="pairs",
            )
        chance = look_up(self.attraction, pairs) * self.examination[:n_positions]
        return np.minimum(chance, 1.0)

    def predict_next_clicks(self, lists: Lists) -> NDArray[np.float64]:
        """Predict the same: to this model, clicks above say nothing."""
        return self.predict_clicks(lists.pairs)

    def predict_cells(self, cells: Cells) -> NDArray[np.float64]:
        """Predict the share of each cell's impressions that is clicked, `[n_cells]`."""
        chance = self.attraction[cells.pair] * self.examination[cells.position]
        return np.minimum(chance, 1.0)
