"""The user browsing model: whether a place is looked at depends on where the last click was.

P(click | clicks above) = examination[position, previous click] * attraction[pair]. Of the models
here it predicts clicks best on most logs, which is not the same as ranking best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from rankloop.bias.base import ClickModel
from rankloop.bias.cells import Cells
from rankloop.bias.chains import look_up
from rankloop.bias.expectation import EMConfig, fold_looks, maximize
from rankloop.errors import NotEnoughDataError, SettingsError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.lists import Lists


@dataclass(frozen=True, slots=True)
class UserBrowsingModel(ClickModel[Cells, EMConfig]):
    """Examination by position and previous click, and attraction by pair.

    Attributes:
        attraction: `[n_pairs]` float64 in [0, 1], chance of a click at position 0.
        examination: `[n_positions, n_positions]` float64, relative to position 0, which is 1.
            Column 0 is for no click above, column c for the last one at position c - 1; NaN where
            that click would not be above. What was never seen has the prior's half, scaled alike.
        n_rounds: Rounds that the fit took.
        start_difference: Largest difference between two starts' examinations; NaN for one start.
    """

    attraction: NDArray[np.float64]
    examination: NDArray[np.float64]
    n_rounds: int
    start_difference: float

    @classmethod
    def fit(cls, counts: Cells, config: EMConfig | None = None) -> Self:
        """Fit to cells by expectation maximization, which on cells is exact.

        Args:
            counts: Cells with their previous clicks; weeks, contexts and shards are summed over.
            config: Rounds and prior; examination cannot be given.

        Raises:
            NotEnoughDataError: There are no impressions, none at position 0, or no clicks.
            SettingsError: Examination was given: this model has one for each previous click.

        Source: Dupret & Piwowarski, A User Browsing Model to Predict Search Engine Click Data from
            Past Observations, SIGIR 2008.
        """
        config = config or EMConfig()
        if config.examination is not None:
            raise SettingsError("examination by position is of no use here", where="examination")
        k = counts.n_positions
        looks = fold_looks(
            (counts.pair, counts.position.astype(np.int64) * k + counts.previous_click + 1),
            (counts.n, counts.clicks),
            (len(counts.pairs), k * k),
        )
        if not bool((looks.look == 0).any()):
            raise NotEnoughDataError("nothing was ever shown at position 0", where="position")
        fitted = maximize(looks, config)
        first = float(fitted.examination[0])
        examination = fitted.examination.reshape(k, k) / first
        examination[np.arange(k)[None, :] > np.arange(k)[:, None]] = np.nan
        return cls(
            attraction=fitted.attraction * first,
            examination=examination,
            n_rounds=fitted.n_rounds,
            start_difference=fitted.start_difference,
        )

    def predict_clicks(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predict clicks from documents: over every place where the last click may have been.

        Raises:
            TableError: Lists are longer than the log's.
        """
        n_lists, n_positions = self._check(pairs)
        attraction = look_up(self.attraction, pairs)
        predicted = np.empty(attraction.shape)
        # Column c: chance that the last click so far was at position c - 1, 0 for none.
        previous = np.zeros((n_lists, n_positions + 1))
        previous[:, 0] = 1.0
        for place in range(n_positions):
            looks = self.examination[place, : place + 1]
            chance = np.minimum(looks[None, :] * attraction[:, place, None], 1.0)
            clicked = previous[:, : place + 1] * chance
            predicted[:, place] = clicked.sum(axis=1)
            previous[:, : place + 1] -= clicked
            previous[:, place + 1] = predicted[:, place]
        return np.minimum(predicted, 1.0)

    def predict_next_clicks(self, lists: Lists) -> NDArray[np.float64]:
        """Predict clicks from documents and the last click above; see `ClickModel`.

        Raises:
            TableError: Lists are longer than the log's.
        """
        _, n_positions = self._check(lists.pairs)
        look = self.examination[np.arange(n_positions)[None, :], lists.previous_clicks() + 1]
        return np.minimum(look * look_up(self.attraction, lists.pairs), 1.0)

    def predict_cells(self, cells: Cells) -> NDArray[np.float64]:
        """Predict the share of each cell's impressions that is clicked, `[n_cells]`."""
        look = self.examination[cells.position, cells.previous_click + 1]
        return np.minimum(look * self.attraction[cells.pair], 1.0)

    def _check(self, pairs: NDArray[np.int64]) -> tuple[int, int]:
        """Refuse lists that are longer than any the model was fitted to; return the shape."""
        n_lists, n_positions = pairs.shape
        if n_positions > self.examination.shape[0]:
            raise TableError(
                f"lists have {n_positions} places, the model knows {self.examination.shape[0]}",
                where="pairs",
            )
        return n_lists, n_positions
