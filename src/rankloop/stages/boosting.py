"""The stage `rerank`: documents that people lately dealt with more than others stand higher.

A click comes about because a document was looked at and because it was liked. Counting clicks
alone lifts what stands high already; therefore interactions are compared with how many were to be
expected of the places where the document was shown.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
import numpy as np
from scipy.special import gammaincinv

from rankloop.counters.base import PopularityWindow
from rankloop.events.types import to_mask
from rankloop.stages.behavior import TypeNames, check_types, measure_spread
from rankloop.stages.limits import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.counters.base import Popularity, ServingCounters
    from rankloop.stages.base import Candidates, Query

    Floats = NDArray[np.float64]

Days = Annotated[float, msgspec.Meta(gt=0.0, le=366.0)]
Multiplier = Annotated[float, msgspec.Meta(ge=1.0, le=100.0)]

_LOW: Final = 0.05
_HIGH: Final = 0.95


class InteractionBoostConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `InteractionBoost`."""

    interaction_types: TypeNames
    """Types that count; a person counts once a document and day, whichever of them it was."""

    time_window_days: Days
    """Length of the window that ends now, in days."""

    boost_multiplier: Multiplier = 1.2
    """`decayed`: a score is multiplied by this at most and by its inverse at least. `raw`: by
    this for each doubling of one plus the count, without a bound. 1 changes nothing."""

    mode: Literal["decayed", "raw"] = "decayed"
    """`decayed` is corrected for exposure, bounded, and moves nothing on little evidence; `raw`
    counts, so that what is on top stays on top."""

    half_life_days: Days | None = None
    """In which time a count loses half of its weight, `decayed` only; half the window when left
    out."""

    per_query: bool = False
    """Whether only interactions for the same query count; each query is asked of the store."""

    prior_interactions: Annotated[float, msgspec.Meta(ge=0.5, le=1_000.0)] = 2.0
    """Interactions at the mean rate that every document is taken to have had already, so that one
    lucky click boosts nothing."""

    exponent: Share = 0.5
    """Power to which the ratio to the mean is raised; smaller is gentler."""

    weight: Share = 1.0
    """How much of the boost is applied; 0 changes nothing."""

    def __post_init__(self) -> None:
        check_types(self.interaction_types)


class RerankConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the stage `rerank`."""

    boost_by_interaction_count: InteractionBoostConfig
    """How interactions move documents."""


@dataclass(frozen=True, slots=True)
class Boosts:
    """What is known of each document, and the boost that follows; every array is `[n]`.

    Attributes:
        count: Interactions that counted.
        expected: Interactions to be expected of it at the mean rate; 0 where nothing says so.
        bound: The bound of the ratio to the mean that the boost goes by: the lower above 1, the
            upper below 1, and 1 where the interval holds 1.
        boost: What a score is multiplied by, above 0.
    """

    count: Floats
    expected: Floats
    bound: Floats
    boost: Floats


class InteractionBoost:
    """Multiply scores by how much more people dealt with a document than was to be expected.

    With s prior interactions, C counted and X expected ones, the ratio of a document's rate to
    the mean has the posterior Gamma(s + C, s + X). Where its lower bound at 5% is above 1, the
    boost is that bound to the power of the exponent; where its upper bound at 95% is below 1, that
    one; in between the document stays where it is, as does one of which nothing is known. The
    boost lies in [1/M, M].

    X is the sum of the examinations of the places where a document was shown, times the mean rate.
    Where under half of the counted interactions name a search, exposure is not known; X is then the
    mean count of the other documents that have any, at least 1, and nothing is moved down.

    A list with scores of 0 or less has no ratios: the logarithm of the boost, times the standard
    deviation of the scores, is added instead.

    Source:
        Clicks over expected clicks: Zhang & Jones (2007), Comparing click logs and editorial
        labels for training query rewriting. The bound: DuMouchel & Pregibon (2001), Empirical
        Bayes screening for multi-item associations (EB05).
    """

    def __init__(self, counters: ServingCounters, config: InteractionBoostConfig) -> None:
        self._counters = counters
        self._config = config
        self._mask = to_mask(config.interaction_types)

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return the same documents, re-ordered by boosted score."""
        config = self._config
        if not len(candidates) or config.weight == 0 or config.boost_multiplier == 1:
            return candidates
        boost = self.measure(query, candidates.document_ids).boost
        if (boost == 1).all():
            return candidates
        if (candidates.scores > 0).all():
            return candidates.rescored(candidates.scores * boost)
        return candidates.rescored(candidates.scores + measure_spread(candidates) * np.log(boost))

    def measure(self, query: Query, document_ids: Sequence[str]) -> Boosts:
        """Say what is known of documents, and how that moves them.

        Raises:
            UnavailableError: The counters are not ready.
        """
        config = self._config
        window = PopularityWindow(
            query.retriever_id,
            self._mask,
            config.time_window_days,
            query.query_key if config.per_query else None,
        )
        if config.mode == "raw":
            popularity = self._counters.popularity(window, document_ids, query.now)
            count = np.maximum(popularity.count, 0.0)
            ratio = 1.0 + count
            boost = config.boost_multiplier ** (config.weight * np.log2(ratio))
            return Boosts(count, np.zeros_like(count), ratio, boost)
        half_life = config.half_life_days or config.time_window_days / 2
        popularity = self._counters.popularity(window, document_ids, query.now, half_life)
        count = np.maximum(popularity.count, 0.0)
        expected, can_fall = expect_interactions(popularity)
        bound = bound_ratio(count, expected, config.prior_interactions)
        if not can_fall:
            bound = np.maximum(bound, 1.0)
        most = config.boost_multiplier
        boost = np.clip(bound**config.exponent, 1 / most, most) ** config.weight
        return Boosts(count, expected, bound, boost)

    def notes(self, query: Query, document_ids: Sequence[str]) -> dict[str, dict[str, float]]:
        """Say how often people dealt with documents, how often was expected, and the boost."""
        found = self.measure(query, document_ids)
        rows = zip(
            document_ids,
            found.count.round(3).tolist(),
            found.expected.round(3).tolist(),
            found.bound.round(3).tolist(),
            found.boost.round(4).tolist(),
            strict=True,
        )
        return {
            name: {"count": count, "expected": expected, "bound": bound, "boost": boost}
            for name, count, expected, bound, boost in rows
            if count or boost != 1
        }


def expect_interactions(popularity: Popularity) -> tuple[Floats, bool]:
    """Say how many interactions were to be expected of documents at the mean rate.

    Returns:
        `[n_documents]` expected interactions, and whether they come from what was shown, so that
        fewer than expected means something.

    Example:
        >>> from rankloop.counters.base import Popularity
        >>> shown = Popularity(np.array([3.0]), np.array([10.0]), 20.0, 100.0, 4, 1.0)
        >>> expect_interactions(shown)
        (array([2.]), True)
        >>> counted = Popularity(np.array([3.0]), np.zeros(1), 9.0, 0.0, 4, 0.0)
        >>> expect_interactions(counted)
        (array([2.]), False)
    """
    if popularity.is_exposure_known:
        rate = popularity.total_count / popularity.total_expected
        return popularity.expected * rate, True
    # The others' mean: a document that people rush to must not raise what it is measured by.
    n_others = popularity.n_documents - (popularity.count > 0)
    others = (popularity.total_count - popularity.count) / np.maximum(n_others, 1)
    return np.where(popularity.count > 0, np.maximum(others, 1.0), 0.0), False


def bound_ratio(count: Floats, expected: Floats, prior: float) -> Floats:
    """Bound the ratio of each document's rate to the mean, on the side of the mean.

    Args:
        count: `[n]` interactions, 0 or more.
        expected: `[n]` interactions to be expected at the mean rate, 0 or more.
        prior: Interactions at the mean rate known beforehand, 0.5 or more.

    Returns:
        `[n]`: the lower bound at 5% where it is above 1, the upper at 95% where it is below 1,
        else 1.

    Example:
        >>> bound_ratio(np.array([20.0, 1.0, 0.0]), np.array([5.0, 0.1, 20.0]), 2.0).round(2)
        array([2.13, 1.  , 0.22])
    """
    is_over = count > expected
    shapes, low, high = _tabulate_quantiles()
    places = np.log(prior + count)
    quantiles = np.where(is_over, np.interp(places, shapes, low), np.interp(places, shapes, high))
    bound = quantiles * (prior + count) / (prior + expected)
    bound = np.where(is_over, np.maximum(bound, 1.0), np.minimum(bound, 1.0))
    return np.asarray(bound, np.float64)


@functools.cache
def _tabulate_quantiles() -> tuple[Floats, Floats, Floats]:
    """Return logarithms of shapes, and the quantiles of a Gamma of such a shape over its mean.

    Interpolated they are right to five digits, and ten times as quick as the inverse itself.
    """
    shapes = np.exp(np.linspace(np.log(0.5), np.log(1e8), 8_192))
    low, high = (gammaincinv(shapes, share) / shapes for share in (_LOW, _HIGH))
    return np.log(shapes), low, high
