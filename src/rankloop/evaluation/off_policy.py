"""What another ranking would have earned, told from the clicks on the one that was shown.

The gain of a ranking over the one that serves is a sum over (query, document) pairs: how much more
often the document would be looked at, times how attractive it is. Attraction is a model's guess,
corrected by the clicks on that very pair where it was looked at often enough (doubly robust): the
guess may be wrong where the log is rich, and the log may be thin where the guess is good.

It assumes that a click needs the position to be looked at and the document to attract, and that the
two are independent; it says nothing of documents that were hardly ever shown, and refuses to
answer where they take up much of the new ranking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy.special import ndtri

from rankloop.errors import NotEnoughDataError, SettingsError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Estimator = Literal["dr", "dm", "ips"]
"""Doubly robust, the model alone, or the clicks alone."""

MIN_SHARDS: Final = 8
"""Fewer groups of people tell nothing about an error."""


@dataclass(frozen=True, slots=True)
class OffPolicyConfig:
    """Settings of the estimate."""

    floor: float = 0.02
    """Least examinations of a pair that its clicks are divided by, per search of its query, in
    (0, 1]: what was looked at less often is believed less than its clicks say."""

    min_support: float = 0.8
    """Least share of the new ranking's examination on documents that were ever looked at."""

    min_examinations: float = 1.0
    """Examinations from which on a document counts as looked at."""

    confidence: float = 0.975
    """One-sided: how often the lower bound lies below the truth, in (.5, 1)."""

    def __post_init__(self) -> None:
        if not 0 < self.floor <= 1:
            raise SettingsError("floor must be in (0, 1]", where="floor")
        if not 0 <= self.min_support <= 1:
            raise SettingsError("min_support must be in [0, 1]", where="min_support")
        if not 0.5 < self.confidence < 1:
            raise SettingsError("confidence must be in (.5, 1)", where="confidence")


@dataclass(frozen=True, slots=True)
class LoggedClicks:
    """Clicks and examinations of a log, by pair and group of people.

    Attributes:
        query: `[n_pairs]` int64, the query of each pair, from 0.
        pair: `[n_entries]` int64, the pair of an entry.
        shard: `[n_entries]` int64, the group of people of an entry, from 0.
        clicks: `[n_entries]` float64, impressions that were clicked.
        examinations: `[n_entries]` float64, impressions times the examination of their position.
        searches: `[n_queries, n_shards]` float64, searches of each query by each group.
    """

    query: NDArray[np.int64]
    pair: NDArray[np.int64]
    shard: NDArray[np.int64]
    clicks: NDArray[np.float64]
    examinations: NDArray[np.float64]
    searches: NDArray[np.float64]

    def __post_init__(self) -> None:
        lengths = {array.shape for array in (self.pair, self.shard, self.clicks)}
        if lengths != {self.examinations.shape}:
            raise TableError("the columns of entries differ in length", where="examinations")
        if self.query.size and self.query.max() >= self.searches.shape[0]:
            raise TableError("a pair's query has no row of searches", where="searches")

    @property
    def n_shards(self) -> int:
        """How many groups of people there are."""
        return int(self.searches.shape[1])


@dataclass(frozen=True, slots=True)
class Gain:
    """What a ranking would earn beyond another, and how far to believe it.

    Attributes:
        value: Clicks per search that the new ranking would earn beyond the old one.
        std_error: Its standard error, from leaving one group of people out at a time.
        low: One-sided lower bound.
        high: One-sided upper bound.
        baseline: Clicks per search that the old ranking earns by the same estimate.
        support: Share of the new ranking's examination on documents that were looked at, [0, 1].
        effective_clicks: Clicks that would tell as much if all weighed the same.
        clipped_share: Share of the difference that rests on pairs below the floor, [0, 1].
        largest_share: Share of the difference that the heaviest pair makes, [0, 1].
    """

    value: float
    std_error: float
    low: float
    high: float
    baseline: float
    support: float
    effective_clicks: float
    clipped_share: float
    largest_share: float


def to_weights(
    positions: NDArray[np.int64], examination: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how often each pair is looked at where a ranking puts it.

    Args:
        positions: `[n_pairs]` int64, the position that the ranking gives each pair, from 0; -1
            where it does not show it.
        examination: `[n_positions]` float64, relative to position 0. Deeper positions are not
            looked at.

    Example:
        >>> to_weights(np.array([1, -1, 0, 7]), np.array([1.0, 0.5])).tolist()
        [0.5, 0.0, 1.0, 0.0]
    """
    is_seen = (positions >= 0) & (positions < examination.size)
    weights = np.zeros(positions.size)
    weights[is_seen] = examination[positions[is_seen]]
    return weights


def estimate_gain(
    logged: LoggedClicks,
    model: NDArray[np.float64],
    weights: tuple[NDArray[np.float64], NDArray[np.float64]],
    config: OffPolicyConfig | None = None,
    estimator: Estimator = "dr",
) -> Gain:
    """Estimate what a new ranking would earn beyond the one that serves.

    With E examinations and C clicks of pair i, N searches of its query, a guess m of its
    attraction and a floor f:

        attraction = m + (C - m E) / max(E, f N)
        gain = sum over queries of N / all N * sum over pairs (new - old weight) * attraction

    Args:
        logged: The log; its people must differ from those that the model was fitted to.
        model: `[n_pairs]` float64, the guess of each pair's attraction.
        weights: Examination that the new and the old ranking give each pair, each `[n_pairs]`,
            see `to_weights`.
        config: Floor, support, confidence.
        estimator: `dr`; `dm` and `ips` are there to be compared with.

    Raises:
        TableError: The arrays do not belong together.
        NotEnoughDataError: There is no search, there are under 8 groups of people, or much of the
            new ranking was never looked at.

    Source: Dudik et al., Doubly Robust Policy Evaluation and Learning, ICML 2011; Oosterhuis,
        Doubly-Robust Estimation for Correcting Position-Bias in Click Feedback, TOIS 2023.

    Example:
        >>> logged = LoggedClicks(
        ...     query=np.array([0, 0]),
        ...     pair=np.arange(2).repeat(8),
        ...     shard=np.tile(np.arange(8), 2),
        ...     clicks=np.array([1.0] * 8 + [3.0] * 8),
        ...     examinations=np.array([10.0] * 8 + [5.0] * 8),
        ...     searches=np.full((1, 8), 10.0),
        ... )
        >>> shown, swapped = np.array([1.0, 0.5]), np.array([0.5, 1.0])
        >>> gain = estimate_gain(logged, np.zeros(2), (swapped, shown))
        >>> round(gain.value, 3), gain.support
        (0.25, 1.0)
    """
    config = config or OffPolicyConfig()
    new, old = weights
    if not logged.query.shape == model.shape == new.shape == old.shape:
        raise TableError("model and weights have one value a pair", where="weights")
    _check_people(logged)
    support = _measure_support(logged, new, config)
    sums = _Sums(logged, model, config, estimator)
    value, std_error = sums.value(new - old), sums.jackknife(new - old)
    margin = float(ndtri(config.confidence)) * std_error
    low, high = value - margin, value + margin
    return Gain(value, std_error, low, high, sums.value(old), support, *sums.diagnose(new - old))


class _Sums:
    """The sums of a log, whole and without one group of people."""

    def __init__(
        self,
        logged: LoggedClicks,
        model: NDArray[np.float64],
        config: OffPolicyConfig,
        estimator: Estimator,
    ) -> None:
        self._logged = logged
        self._model = model if estimator != "ips" else np.zeros_like(model)
        self._floor = config.floor
        self._is_corrected = estimator != "dm"
        self._order = np.argsort(logged.shard, kind="stable")
        self._ends = np.searchsorted(logged.shard[self._order], np.arange(logged.n_shards + 1))
        n_pairs = logged.query.size
        self._clicks = _sum(logged.pair, logged.clicks, n_pairs)
        self._examinations = _sum(logged.pair, logged.examinations, n_pairs)
        self._searches = logged.searches.sum(axis=1)

    def value(self, weights: NDArray[np.float64]) -> float:
        """Return clicks per search for some weights, with everybody."""
        return self._value(weights, self._clicks, self._examinations, self._searches)

    def jackknife(self, weights: NDArray[np.float64]) -> float:
        """Return the standard error, from leaving each group of people out once."""
        n_shards = self._logged.n_shards
        left_out = np.array([self.without(shard, weights) for shard in range(n_shards)])
        spread = left_out - left_out.mean()
        return float(np.sqrt((n_shards - 1) / n_shards * (spread @ spread)))

    def without(self, shard: int, weights: NDArray[np.float64]) -> float:
        """Return the same without one group of people."""
        logged = self._logged
        entries = self._order[self._ends[shard] : self._ends[shard + 1]]
        pairs, n_pairs = logged.pair[entries], logged.query.size
        clicks = self._clicks - _sum(pairs, logged.clicks[entries], n_pairs)
        seen = self._examinations - _sum(pairs, logged.examinations[entries], n_pairs)
        searches = self._searches - logged.searches[:, shard]
        return self._value(weights, clicks, np.maximum(seen, 0.0), searches)

    def diagnose(self, weights: NDArray[np.float64]) -> tuple[float, float, float]:
        """Return effective clicks, the clipped and the largest share of the weights' clicks."""
        floor = self._floor * self._searches[self._logged.query]
        per_click = self._shares() * np.abs(weights) / _at_least(self._examinations, floor)
        mass = self._clicks * per_click
        total, squares = mass.sum(), (self._clicks * per_click**2).sum()
        if not total:
            return 0.0, 0.0, 0.0
        clipped = mass[self._examinations < floor].sum() / total
        return float(total**2 / squares), float(clipped), float(mass.max() / total)

    def _shares(self) -> NDArray[np.float64]:
        """Return `[n_pairs]` the share of searches that each pair's query has."""
        shares: NDArray[np.float64] = self._searches[self._logged.query] / self._searches.sum()
        return shares

    def _value(
        self,
        weights: NDArray[np.float64],
        clicks: NDArray[np.float64],
        examinations: NDArray[np.float64],
        searches: NDArray[np.float64],
    ) -> float:
        n = searches[self._logged.query]
        attraction = self._model
        if self._is_corrected:
            missed = clicks - attraction * examinations
            attraction = attraction + missed / _at_least(examinations, self._floor * n)
        return float((n * weights * attraction).sum() / searches.sum())


def _sum(
    pairs: NDArray[np.int64], values: NDArray[np.float64], n_pairs: int
) -> NDArray[np.float64]:
    """Sum values by pair."""
    return np.bincount(pairs, values, n_pairs).astype(np.float64, copy=False)


def _at_least(examinations: NDArray[np.float64], floor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what clicks are divided by; never 0, so that 0 clicks of a query unseen stay 0."""
    least: NDArray[np.float64] = np.maximum(
        np.maximum(examinations, floor), np.finfo(np.float64).tiny
    )
    return least


def _check_people(logged: LoggedClicks) -> None:
    """Refuse a log that cannot tell how sure it is."""
    n_groups = int((logged.searches.sum(axis=0) > 0).sum())
    if n_groups < MIN_SHARDS:
        raise NotEnoughDataError(
            f"searches come from {n_groups} groups of people, {MIN_SHARDS} are needed",
            where="searches",
            hint="Send user_id or session_id with searches, and collect more of them.",
        )


def _measure_support(
    logged: LoggedClicks, new: NDArray[np.float64], config: OffPolicyConfig
) -> float:
    """Return how much of a ranking was ever looked at, if that is enough."""
    seen = np.bincount(logged.pair, logged.examinations, logged.query.size)
    mass = new * logged.searches.sum(axis=1)[logged.query]
    total = mass.sum()
    support = float(mass[seen >= config.min_examinations].sum() / total) if total else 0.0
    if support < config.min_support:
        raise NotEnoughDataError(
            f"{support:.0%} of what the new ranking shows was ever looked at, "
            f"{config.min_support:.0%} is needed",
            where="weights",
            hint="Explore a few swaps, or let documents move less far at once.",
        )
    return support
