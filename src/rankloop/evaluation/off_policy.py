"""What another ranking would have earned, told from the clicks on the one that was shown.

The gain of a ranking over the one that serves is a sum over (query, document) pairs: how much more
weight their position has, times how attractive the document is. Attraction is a model's guess,
corrected by the clicks on that very pair as far as it was looked at (doubly robust): the guess may
be wrong where the log is rich, and the log may be thin where the guess is good.

It assumes that a click needs the position to be looked at and the document to attract, and that the
two are independent; it says nothing of documents that were hardly ever shown, and refuses to
answer where they take up much of the new ranking.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy.special import stdtrit

from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.evaluation.off_policy_sums import Sums, rank_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.evaluation.logged_clicks import Examination, Guess, LoggedClicks, Placement

Measure = Literal["ndcg", "clicks"]
"""Discounted attraction as a share of each query's ideal, or clicks per search."""

Estimator = Literal["dr", "floor", "dm", "ips"]
"""Doubly robust; the same with a fixed floor; the guess alone; or the clicks alone."""

MIN_GROUPS: Final = 8
"""Fewer groups of people tell nothing about an error."""


@dataclass(frozen=True, slots=True)
class OffPolicyConfig:
    """Settings of the estimate."""

    measure: Measure = "ndcg"
    """What is gained."""

    depth: int = 10
    """Positions that count, at least 1."""

    floor: float = 0.02
    """For `floor` and `ips`: least examinations of a pair that its clicks are divided by, per
    search of its query, in (0, 1]."""

    min_support: float = 0.8
    """Least share of the new ranking's examination on documents that were ever looked at."""

    min_examinations: float = 1.0
    """Examinations from which on a document counts as looked at."""

    confidence: float = 0.975
    """One-sided: how often the lower bound lies below the truth, in (.5, 1)."""

    def __post_init__(self) -> None:
        if self.measure not in ("ndcg", "clicks"):
            raise SettingsError("measure must be ndcg or clicks", where="measure")
        if self.depth < 1:
            raise SettingsError("depth must be at least 1", where="depth")
        if not 0 < self.floor <= 1:
            raise SettingsError("floor must be in (0, 1]", where="floor")
        if not 0 <= self.min_support <= 1:
            raise SettingsError("min_support must be in [0, 1]", where="min_support")
        if not 0.5 < self.confidence < 1:
            raise SettingsError("confidence must be in (.5, 1)", where="confidence")

    @property
    def name(self) -> str:
        """What the gain is in, as people write it."""
        return f"nDCG@{self.depth}" if self.measure == "ndcg" else "clicks per search"


@dataclass(frozen=True, slots=True)
class Gain:
    """What a ranking would earn beyond another, and how far to believe it.

    Attributes:
        measure: What the values are in, such as `nDCG@10`.
        value: What the new ranking would earn beyond the old one, per search.
        std_error: Its standard error: that of the clicks, from leaving one group of people out at
            a time, and that of the guess where clicks are few.
        low: One-sided lower bound.
        high: One-sided upper bound.
        baseline: What the old ranking earns by the same estimate.
        support: Share of the new ranking's examination on documents that were looked at, [0, 1].
        effective_clicks: Clicks that would tell as much if all weighed the same.
        guessed_share: Share of the difference that rests on the guess, [0, 1].
        largest_share: Share of the difference that the heaviest pair makes, [0, 1].
        n_groups: Groups of people that the error was taken over.
    """

    measure: str
    value: float
    std_error: float
    low: float
    high: float
    baseline: float
    support: float
    effective_clicks: float
    guessed_share: float
    largest_share: float
    n_groups: int


def estimate_gain(
    logged: LoggedClicks,
    examination: Examination,
    guess: Guess,
    rankings: tuple[Placement, Placement],
    config: OffPolicyConfig | None = None,
    estimator: Estimator = "dr",
) -> Gain:
    """Estimate what a new ranking would earn beyond the one that serves.

    With E examinations and C clicks of pair i, N searches of its query, and a guess of its
    attraction, Gamma with mean m and strength k:

        attraction = m + (C - m E) / (E + k)
        gain = sum over queries of N / all N * sum over pairs (new - old weight) * attraction

    The weight of a position is 1 / log2(rank + 1), divided by the most that the guess lets the
    query earn; for `clicks` it is the position's examination. The error adds two variances: that
    over groups of people, the curve of examination estimated anew without each of them, and that
    of attractions around the guess, (k / (E + k))^2 m / k a pair.

    Args:
        logged: The log; the new ranking must not have been learned from it.
        examination: How likely positions are looked at.
        guess: What to expect of each pair.
        rankings: The new and the old one.
        config: Measure, support, confidence.
        estimator: `dr`; the others are there to be compared with. `floor` divides by
            max(E, floor N) instead, and its error is that over people alone.

    Raises:
        TableError: The arrays do not belong together.
        NotEnoughDataError: There is no search, there are under 8 groups of people, or much of the
            new ranking was never looked at.

    Source: Dudik et al., Doubly Robust Policy Evaluation and Learning, ICML 2011; Oosterhuis,
        Doubly-Robust Estimation for Correcting Position-Bias in Click Feedback, TOIS 2023.

    Example:
        >>> from rankloop.evaluation.logged_clicks import Examination, Guess, LoggedClicks
        >>> from rankloop.evaluation.logged_clicks import Placement
        >>> logged = LoggedClicks(
        ...     query=np.array([0, 0]),
        ...     pair=np.arange(2).repeat(8),
        ...     position=np.arange(2).repeat(8),
        ...     shard=np.tile(np.arange(8), 2),
        ...     n=np.full(16, 10.0),
        ...     clicks=np.array([1.0] * 8 + [3.0] * 8),
        ... )
        >>> looks = Examination.known(np.array([1.0, 0.5]), 8)
        >>> shown, swapped = (Placement.fixed(np.array(order)) for order in ([0, 1], [1, 0]))
        >>> guess = Guess(np.array([0.1, 0.6]), strength=5.0)
        >>> clicks = OffPolicyConfig(measure="clicks")
        >>> gain = estimate_gain(logged, looks, guess, (swapped, shown), clicks)
        >>> round(gain.value, 3), gain.support
        (0.25, 1.0)
    """
    return estimate_gains(logged, examination, guess, [rankings], config, estimator)[0]


def estimate_gains(
    logged: LoggedClicks,
    examination: Examination,
    guess: Guess,
    rankings: Sequence[tuple[Placement, Placement]],
    config: OffPolicyConfig | None = None,
    estimator: Estimator = "dr",
) -> list[Gain]:
    """Estimate several gains over one log; see `estimate_gain`."""
    config = config or OffPolicyConfig()
    if guess.mean.shape != logged.query.shape:
        raise TableError("a guess has one value a pair", where="guess")
    groups = logged.groups
    _check_people(groups)
    if groups.max() >= examination.without.shape[0]:
        raise TableError("examination does not know all groups of people", where="without")
    sums = Sums(logged, examination, guess, config.floor, estimator)
    supports = [_measure_support(sums, new, config) for new, _ in rankings]
    weigher = _Weigher(sums, rankings, config)
    differences = weigher.differ(examination.curve)
    values = sums.values(differences)
    left_out = np.stack(
        [sums.without(int(b), weigher.differ(examination.without[b])) for b in groups]
    )
    spread = left_out - left_out.mean(axis=0)
    variance = (groups.size - 1) / groups.size * (spread**2).sum(axis=0)
    variance += sums.guess_variance(differences)
    baseline = sums.values(weigher.weigh_old(examination.curve))
    margin = float(stdtrit(groups.size - 1, config.confidence)) * np.sqrt(variance)
    return [
        Gain(
            config.name,
            float(values[k]),
            float(np.sqrt(variance[k])),
            float(values[k] - margin[k]),
            float(values[k] + margin[k]),
            float(baseline[k]),
            supports[k],
            *sums.diagnose(differences[k]),
            int(groups.size),
        )
        for k in range(len(rankings))
    ]


def estimate_by_query(
    logged: LoggedClicks,
    examination: Examination,
    guess: Guess,
    rankings: tuple[Placement, Placement],
    depth: int = 10,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate the nDCG of two rankings query by query, by the same attractions.

    Returns:
        `[n_queries]` float64 each, of the new and of the old ranking.

    Example:
        >>> from rankloop.evaluation.logged_clicks import Examination, Guess, LoggedClicks
        >>> from rankloop.evaluation.logged_clicks import Placement
        >>> one = np.zeros(1, np.int64)
        >>> logged = LoggedClicks(np.zeros(2, np.int64), one, one, one, one + 9.0, one + 3.0)
        >>> guess, looks = Guess(np.array([0.5, 0.1]), 9.0), Examination.known(np.ones(2), 1)
        >>> first, second = (Placement.fixed(np.array(order)) for order in ([0, 1], [1, 0]))
        >>> new, old = estimate_by_query(logged, looks, guess, (first, second))
        >>> (new > old).tolist()
        [True]
    """
    sums = Sums(logged, examination, guess, OffPolicyConfig().floor, "dr")
    discount = 1 / np.log2(np.arange(2.0, depth + 2))
    earned = sums.attractions() / _find_ideal(sums, discount)[logged.query]
    new, old = (
        np.bincount(
            logged.query, one.weigh(discount, logged.n_pairs) * earned, logged.n_queries
        ).astype(np.float64)
        for one in rankings
    )
    return new, old


class _Weigher:
    """Turns rankings into weights of pairs."""

    def __init__(
        self,
        sums: Sums,
        rankings: Sequence[tuple[Placement, Placement]],
        config: OffPolicyConfig,
    ) -> None:
        self._rankings = rankings
        self._depth = config.depth
        self._n_pairs = sums.logged.n_pairs
        self._scale: NDArray[np.float64] | None = None
        if config.measure == "ndcg":
            self._discount = 1 / np.log2(np.arange(2.0, config.depth + 2))
            self._scale = 1 / _find_ideal(sums, self._discount)[sums.logged.query]
            self._old = self._weigh_all(1, self._discount) * self._scale
            self._kept = self._weigh_all(0, self._discount) * self._scale - self._old

    def differ(self, curve: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `[n_rankings, n_pairs]`, by how much the new weight exceeds the old one."""
        if self._scale is not None:
            return self._kept
        curve = curve[: self._depth]
        return self._weigh_all(0, curve) - self._weigh_all(1, curve)

    def weigh_old(self, curve: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `[n_rankings, n_pairs]`, the old weights."""
        return self._old if self._scale is not None else self._weigh_all(1, curve[: self._depth])

    def _weigh_all(self, side: Literal[0, 1], curve: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `[n_rankings, n_pairs]`, what one side of each gives pairs."""
        return np.stack([sides[side].weigh(curve, self._n_pairs) for sides in self._rankings])


def _find_ideal(sums: Sums, discount: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `[n_queries]` the most that the guess lets each query earn, above 0."""
    logged, mean = sums.logged, sums.guess.mean
    best = rank_within(logged.query, mean)
    used = best < discount.size
    earned = discount[best[used]] * mean[used]
    ideal = np.bincount(logged.query[used], earned, logged.n_queries)
    return np.where(ideal > 0, ideal, 1.0)


def _check_people(groups: NDArray[np.int64]) -> None:
    """Refuse a log that cannot tell how sure it is."""
    if groups.size < MIN_GROUPS:
        raise NotEnoughDataError(
            f"searches come from {groups.size} groups of people, {MIN_GROUPS} are needed",
            where="searches",
            hint="Send user_id or session_id with searches, and collect those of "
            f"{MIN_GROUPS - groups.size} more people or sessions at least.",
        )


def _measure_support(sums: Sums, new: Placement, config: OffPolicyConfig) -> float:
    """Return how much of a ranking was ever looked at, if that is enough."""
    curve = sums.examination.curve[: config.depth]
    mass = new.weigh(curve, sums.logged.n_pairs) * sums.searches[sums.logged.query]
    whole = mass.sum()
    is_seen = sums.examinations >= config.min_examinations
    support = float(mass[is_seen].sum() / whole) if whole else 0.0
    if support < config.min_support:
        raise NotEnoughDataError(
            f"{support:.1%} of what the new ranking shows was ever looked at, "
            f"{config.min_support:.0%} is needed",
            where="weights",
            hint="Explore a few swaps, or let documents move less far at once.",
        )
    return support


def find_crossover(
    etas: Sequence[float], margins: Sequence[float], estimated: float
) -> float | None:
    """Find the steepness of examination at which a decision would turn.

    Args:
        etas: Exponents that were tried, ascending: examination rank^-eta.
        margins: For each, by how much the lower bound exceeds what the gate asks for; NaN where
            that could not be told.
        estimated: The exponent nearest to what was estimated.

    Returns:
        The exponent nearest to the estimated one at which the margin changes sign, between two
        that were tried; None where it keeps its sign.

    Example:
        >>> find_crossover([0.0, 0.5, 1.0], [-0.02, -0.01, 0.01], estimated=1.0)
        0.75
    """
    found = []
    known = [(eta, one) for eta, one in zip(etas, margins, strict=True) if np.isfinite(one)]
    for (eta, one), (next_eta, other) in pairwise(known):
        if (one > 0) != (other > 0):
            found.append(eta + (next_eta - eta) * one / (one - other))
    return min(found, key=lambda eta: abs(eta - estimated)) if found else None
