"""Guesses: what to expect of each pair before its own clicks, for whoever judges rankings by them.

A guess is learned from other queries' clicks. What was never looked at rests on it alone, so it
matters that the guess knows what documents are like. Where it only knows how a pair was shown, or
hardly more, it takes what nobody ever saw to be as good as what was seen a little, which production
knew better; such pairs are then expected to be half as good.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import NotEnoughDataError, TableError
from rankloop.evaluation.logged_clicks import Guess
from rankloop.training.regressions import predict_rates
from rankloop.training.strengths import bound_gamma_strength

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.evaluation.logged_clicks import LoggedClicks

N_FOLDS: Final = 5
"""Groups of queries, each guessed from the others."""

UNSEEN_SHARE: Final = 0.5
"""What a pair that was never looked at is worth where nothing is known of its document."""

MAX_STRENGTH: Final = 15.0
"""Looks at a pair that a guess counts for at most. Small logs, and clicks that are frequent, do not
show how far attractions scatter around it. Of candidates that were no better, 500 searches admitted
11% with 30 looks and 4% with 15."""

KNOWING: Final = 1.25
"""How much stronger a guess from features must be than one from how pairs were shown, to be trusted
with what nobody looked at."""

_LEAST: Final = 1e-6


def fit_guess(
    logged: LoggedClicks,
    curve: NDArray[np.float64],
    query_keys: Sequence[str],
    features: NDArray[np.float64] | None = None,
) -> Guess:
    """Learn what to expect of each pair from the clicks of other queries.

    Args:
        logged: The log, with every pair that a ranking would show.
        curve: `[n_positions]` float64, examination relative to position 0; 0 where not known.
        query_keys: `[n_queries]` names of the queries; they decide which are guessed together.
        features: `[n_pairs, n_features]` float64 of what is known of query and document, NaN where
            unknown; without them, or where they say little, how often and how deep a pair was
            shown.

    Raises:
        NotEnoughDataError: Nothing was clicked, or there is one query only.
        TableError: There are more or fewer rows of features than pairs.
    """
    if features is not None and features.shape[0] != logged.n_pairs:
        raise TableError(
            f"features has {features.shape[0]} rows for {logged.n_pairs} pairs", where="features"
        )
    rows = np.flatnonzero(logged.position < curve.size)
    rows = rows[curve[logged.position[rows]] > 0]
    pair, n = logged.pair[rows], logged.n[rows]
    looks = np.bincount(pair, n * curve[logged.position[rows]], logged.n_pairs).astype(np.float64)
    counted = np.bincount(pair, logged.clicks[rows], logged.n_pairs)
    clicks: NDArray[np.int64] = np.rint(counted).astype(np.int64)
    if not clicks.any():
        raise NotEnoughDataError(
            "nothing was clicked, so there is nothing to judge by",
            where="clicks",
            hint="Send clicks with the `search_id` of the list they were made in.",
        )
    folds = np.array([zlib.crc32(key.encode()) % N_FOLDS for key in query_keys])
    if np.unique(folds[logged.query[clicks > 0]]).size < 2:
        raise NotEnoughDataError(
            "all clicks are on one query, so nothing can be expected of it from others",
            where="queries",
            hint="Collect clicks on more queries; some twenty are a beginning.",
        )
    taught = _Taught(clicks, looks, folds[logged.query])
    shown = _describe(logged, rows)
    mean, strength = taught.guess(shown)
    if features is not None:
        known, knowing = taught.guess(features)
        if knowing >= KNOWING * strength:
            return Guess(known, min(knowing, MAX_STRENGTH))
        mean, strength = taught.guess(np.column_stack([features, shown]))
    mean = np.where(looks < 1, UNSEEN_SHARE * mean, mean)
    return Guess(mean, min(strength, MAX_STRENGTH))


@dataclass(frozen=True, slots=True)
class _Taught:
    """What guesses are learned from: clicks, looks and the fold of each pair."""

    clicks: NDArray[np.int64]
    looks: NDArray[np.float64]
    folds: NDArray[np.int64]

    def guess(self, features: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Guess each pair from the pairs of other folds; say how strong the guess is at least."""
        mean = np.maximum(predict_rates(features, self.clicks, self.looks, self.folds), _LEAST)
        return mean, bound_gamma_strength(self.clicks, self.looks, mean)


def _describe(logged: LoggedClicks, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how often (log share of its query's searches) and how deep each pair was shown."""
    pair, n = logged.pair[rows], logged.n[rows]
    shown = np.bincount(pair, n, logged.n_pairs)
    depth = np.bincount(pair, n * logged.position[rows], logged.n_pairs)
    share = shown / np.maximum(logged.searches[logged.query], 1.0)
    mean = np.divide(depth, shown, out=np.full(shown.size, np.nan), where=shown > 0)
    return np.column_stack([np.log(share + 1e-3), mean])
