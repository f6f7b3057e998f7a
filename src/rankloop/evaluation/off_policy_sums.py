"""The sums behind a gain: attractions of pairs, with everybody and without one group of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.evaluation.logged_clicks import Examination, Guess, LoggedClicks


class Sums:
    """The sums of one log.

    Attributes:
        logged: The log.
        examination: How likely positions are looked at.
        guess: What to expect of each pair.
        searches: `[n_queries]` float64, how often each query was asked.
        examinations: `[n_pairs]` float64, how often each pair was looked at.

    Args:
        logged: The log.
        examination: How likely positions are looked at.
        guess: What to expect of each pair.
        floor: Least examinations per search, for the estimators that divide by them.
        estimator: How attraction is estimated.
    """

    def __init__(
        self,
        logged: LoggedClicks,
        examination: Examination,
        guess: Guess,
        floor: float,
        estimator: Literal["dr", "floor", "dm", "ips"],
    ) -> None:
        self.logged, self.examination, self.guess = logged, examination, guess
        self._floor, self._estimator = floor, estimator
        curve = examination.curve
        is_known = (logged.position < curve.size) & (
            curve[np.minimum(logged.position, curve.size - 1)] > 0
        )
        rows = np.flatnonzero(is_known)
        self._rows = rows[np.argsort(logged.shard[rows], kind="stable")]
        n_shards = examination.without.shape[0]
        self._ends = np.searchsorted(logged.shard[self._rows], np.arange(n_shards + 1))
        self._placed = _add_up(logged, rows)
        self.searches = logged.searches
        self._clicks = total(logged.pair[rows], logged.clicks[rows], logged.n_pairs)
        self.examinations = self._look(curve)

    def values(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `[n_rankings]`, what weights of pairs, `[n_rankings, n_pairs]`, earn a search."""
        return self._value(weights, self._clicks, self.examinations, self.searches)

    def attractions(self) -> NDArray[np.float64]:
        """Return `[n_pairs]`, how attractive each pair is estimated to be."""
        return self._attract(self._clicks, self.examinations, self.searches)

    def without(self, shard: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the same without one group of people, and with the examination without it."""
        logged, curve = self.logged, self.examination.without[shard]
        rows = self._rows[self._ends[shard] : self._ends[shard + 1]]
        pair, position, n = logged.pair[rows], logged.position[rows], logged.n[rows]
        clicks = self._clicks - total(pair, logged.clicks[rows], logged.n_pairs)
        seen = self._look(curve) - total(pair, n * curve[position], logged.n_pairs)
        first = position == 0
        searches = self.searches - total(logged.query[pair[first]], n[first], logged.n_queries)
        return self._value(weights, clicks, np.maximum(seen, 0.0), searches)

    def guess_variance(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `[n_rankings]`, the variance of attractions around the guess."""
        if self._estimator in ("floor", "ips"):
            return np.zeros(weights.shape[0])
        part = self._share(self.searches) * weights * (1 - self._trust(self.examinations))
        return np.asarray((part**2) @ (self.guess.mean / self.guess.strength))

    def diagnose(self, weights: NDArray[np.float64]) -> tuple[float, float, float]:
        """Return effective clicks, the share that is guessed, and that of the heaviest pair.

        Args:
            weights: `[n_pairs]` float64, of one ranking.
        """
        seen, searches = self.examinations, self.searches
        reach = self._share(searches) * np.abs(weights)
        mass = reach * np.maximum(self._attract(self._clicks, seen, searches), 0.0)
        whole = mass.sum()
        if not whole:
            return 0.0, 0.0, 0.0
        per_click = reach / self._divide_by(seen, searches)
        earned, squares = (self._clicks * per_click).sum(), (self._clicks * per_click**2).sum()
        guessed = float((mass * (1 - self._trust(seen))).sum() / whole)
        effective = float(earned**2 / squares) if squares else 0.0
        return effective, guessed, float(mass.max() / whole)

    def _look(self, curve: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how often each pair is looked at under a curve."""
        pair, position, n = self._placed
        return total(pair, n * curve[position], self.logged.n_pairs)

    def _share(self, searches: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `[n_pairs]`, the share of searches that each pair's query has."""
        share: NDArray[np.float64] = searches[self.logged.query] / searches.sum()
        return share

    def _divide_by(
        self, seen: NDArray[np.float64], searches: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what clicks are divided by, above 0."""
        if self._estimator in ("dr", "dm"):
            return seen + self.guess.strength
        floor = self._floor * searches[self.logged.query]
        return np.maximum(np.maximum(seen, floor), np.finfo(np.float64).tiny)

    def _trust(self, seen: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much of each attraction its own clicks say, in [0, 1]."""
        if self._estimator == "dm":
            return np.zeros(seen.size)
        return np.minimum(seen / self._divide_by(seen, self.searches), 1.0)

    def _attract(
        self,
        clicks: NDArray[np.float64],
        seen: NDArray[np.float64],
        searches: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Estimate each pair's attraction."""
        mean = self.guess.mean
        if self._estimator == "dm":
            return mean
        divisor = self._divide_by(seen, searches)
        if self._estimator == "ips":
            return np.asarray(clicks / divisor)
        return np.asarray(mean + (clicks - mean * seen) / divisor)

    def _value(
        self,
        weights: NDArray[np.float64],
        clicks: NDArray[np.float64],
        seen: NDArray[np.float64],
        searches: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        earned = self._share(searches) * self._attract(clicks, seen, searches)
        return np.asarray(weights @ earned, dtype=np.float64)


def total(
    places: NDArray[np.int64], values: NDArray[np.float64], n_places: int
) -> NDArray[np.float64]:
    """Add up values by place."""
    return np.bincount(places, values, n_places).astype(np.float64, copy=False)


def rank_within(query: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return each pair's place among its query's, highest value first; ties keep their order.

    Example:
        >>> rank_within(np.array([0, 1, 0]), np.array([0.1, 5.0, 0.2])).tolist()
        [1, 0, 0]
    """
    order = np.lexsort((-values, query))
    sizes = np.bincount(query)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    ranks = np.empty(query.size, dtype=np.int64)
    ranks[order] = np.arange(query.size) - starts
    return ranks


def _add_up(
    logged: LoggedClicks, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Add impressions up over groups of people: pair, position, how many."""
    if not rows.size:
        none = np.empty(0, dtype=np.int64)
        return none, none, np.empty(0)
    width = int(logged.position[rows].max()) + 1
    key, place = np.unique(logged.pair[rows] * width + logged.position[rows], return_inverse=True)
    return key // width, key % width, total(place, logged.n[rows], key.size)
