"""Which of several rankers to take, if any: what each would have earned on days it did not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import NotEnoughDataError
from rankloop.evaluation.resampling import ResamplingConfig, estimate_difference
from rankloop.models.manifest import Measured
from rankloop.training.rankers import DEFAULT, fit_attraction
from rankloop.training.trees import TreeConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rankloop.training.ranker_rows import RankerRows
    from rankloop.training.rankers import RankerCandidate

MEASURE: Final = "clicks per search"
"""What candidates are chosen by: the doubly robust estimate of it."""

PRODUCTION: Final = "production"
"""The order that serves; it is a candidate always."""

FLOOR: Final = 0.02
"""Least looks of a pair per search of its query that its clicks are divided by."""

_N_FOLDS: Final = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """What one candidate would have earned beyond what serves.

    Attributes:
        name: The candidate's.
        gain: Clicks per search beyond what serves.
        low: Lower end of the 95% interval of it.
        high: Upper end.
    """

    name: str
    gain: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidate that was taken, and what spoke for it.

    Attributes:
        name: The candidate's name; the default's where held-out clicks do not tell.
        trials: Every candidate, the greatest gain first.
        metrics: The chosen one beside what serves, for all queries, and those seen and unseen.
    """

    name: str
    trials: Sequence[Trial]
    metrics: Sequence[Measured]


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """Rows that no candidate has learned from, and what is believed of them.

    Attributes:
        rows: The rows.
        value: `[n_rows]` doubly robust attraction.
        searches: `[n_lists]` searches of each list's query.
        curve: Examination by position.
    """

    rows: RankerRows
    value: NDArray[np.float64]
    searches: NDArray[np.float64]
    curve: NDArray[np.float64]

    def earn(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the clicks that an order by score would earn, `[n_lists]`."""
        lists = np.unique(self.rows.query, return_inverse=True)[1]
        # Documents that no score is known of come last, in the order of the rows.
        order = np.lexsort((-np.nan_to_num(scores, nan=-np.inf), lists))
        position = np.empty(order.size, dtype=np.int64)
        sizes = np.bincount(lists)
        position[order] = np.arange(order.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        looks = np.where(
            position < self.curve.size, self.curve[np.minimum(position, self.curve.size - 1)], 0.0
        )
        per_search = np.bincount(lists, looks * self.value, self.searches.size)
        return np.asarray(per_search * self.searches)


def choose_ranker(
    candidates: Sequence[RankerCandidate],
    held_out: RankerRows,
    curve: NDArray[np.float64],
    taught: NDArray[np.int64],
    rng: np.random.Generator,
) -> Choice:
    """Choose the candidate that would have earned most on rows that none has learned from.

    With C clicks in E looks of a pair, N searches of its query, and a guess m of its attraction
    from other queries' clicks:

        attraction = m + (C - m E) / max(E, .02 N)
        gain = sum over lists of N / all N * sum over pairs (new - serving look) * attraction

    The default is kept unless another's gain exceeds its own by more than a standard error.

    Args:
        candidates: Rankers, the default among them.
        held_out: Pairs of later days, with counts.
        curve: `[n_positions]` float64, examination relative to position 0; NaN where not known.
        taught: The needs that candidates learned from, which count as seen.
        rng: Decides the draws of intervals.

    Raises:
        NotEnoughDataError: The rows have no click, no serving score, or one query only.

    Source: Dudik, Langford and Li, Doubly Robust Policy Evaluation and Learning, ICML 2011;
        Oosterhuis, Doubly-Robust Estimation for Correcting Position-Bias in Click Feedback for
        Unbiased Learning to Rank, TOIS 2023.
    """
    held = _value(held_out, curve)
    assert held_out.serving_score is not None  # noqa: S101 checked above
    served = held_out.features[:, held_out.feature_names.index(held_out.serving_score)]
    base = held.earn(served)
    earned = {one.name: held.earn(one.ranker.score(held_out.features)) for one in candidates}
    trials = [_try(name, earned[name], base, held, rng) for name in earned]
    gains = {trial.name: trial.gain for trial in trials}
    best = max(gains, key=lambda name: (gains[name], name == DEFAULT))
    chosen = best
    if DEFAULT in earned and best != DEFAULT:
        excess = _to_rates(earned[best] - earned[DEFAULT], held)
        error = float(excess.std(ddof=1) / np.sqrt(excess.size))
        chosen = best if float(excess.mean()) > error else DEFAULT
    ranked = sorted(trials, key=lambda trial: -trial.gain)
    return Choice(chosen, ranked, _measure(earned[chosen], base, held, taught, rng))


def _value(rows: RankerRows, curve: NDArray[np.float64]) -> _HeldOut:
    """Estimate the attraction of rows, each guessed from other queries and corrected by its own."""
    topics = np.unique(rows.topic, return_inverse=True)[1]
    if rows.serving_score is None or rows.placed is None:
        raise NotEnoughDataError("nothing says what served", where="serving_score")
    if not rows.clicks.any() or topics.max(initial=0) < 1:
        raise NotEnoughDataError("the held-out days have too few clicks to choose by", where="rows")
    lists = np.unique(rows.query, return_inverse=True)[1]
    first = rows.placed.position == 0
    searches = np.bincount(lists[rows.placed.pair[first]], rows.placed.n[first], lists.max() + 1)
    config = TreeConfig(max_trees=100, learning_rate=0.1)
    guess = fit_attraction(rows, topics % _N_FOLDS, 1, config)
    looks = rows.examinations
    missed = rows.clicks - guess * looks
    least = np.maximum(np.maximum(looks, FLOOR * searches[lists]), np.finfo(np.float64).tiny)
    known = np.nan_to_num(curve, nan=0.0)
    return _HeldOut(rows, guess + missed / least, searches.astype(np.float64), known)


def _to_rates(clicks: NDArray[np.float64], held: _HeldOut) -> NDArray[np.float64]:
    """Turn clicks of lists into values whose mean is clicks per search."""
    return np.asarray(clicks * held.searches.size / held.searches.sum())


def _try(
    name: str,
    earned: NDArray[np.float64],
    base: NDArray[np.float64],
    held: _HeldOut,
    rng: np.random.Generator,
) -> Trial:
    """Compare one candidate with what serves."""
    found = estimate_difference(
        _to_rates(earned, held), _to_rates(base, held), rng, _DRAWS, _cluster(held)
    )
    return Trial(name, found.value, found.low, found.high)


def _cluster(held: _HeldOut) -> NDArray[np.int64]:
    """Return the need of each list: its lists hang together."""
    _, first = np.unique(held.rows.query, return_index=True)
    return held.rows.topic[first]


_DRAWS: Final = ResamplingConfig(n_resamples=1_000)


def _measure(
    earned: NDArray[np.float64],
    base: NDArray[np.float64],
    held: _HeldOut,
    taught: NDArray[np.int64],
    rng: np.random.Generator,
) -> list[Measured]:
    """Write what the chosen one earns, by part of the queries."""
    need = _cluster(held)
    seen = np.isin(need, taught)
    parts: Mapping[str, NDArray[np.bool_]] = {
        "all": np.ones(need.size, dtype=bool),
        "seen": seen,
        "unseen": ~seen,
    }
    rows = []
    for part, here in parts.items():
        total = held.searches[here].sum()
        n = int(np.unique(need[here]).size)
        if not total:
            continue
        per = here.sum() / total
        low = high = None
        if n > 1:
            found = estimate_difference(
                earned[here] * per, base[here] * per, rng, _DRAWS, need[here]
            )
            low, high = found.low, found.high
        rows.append(
            Measured(
                measure=MEASURE,
                part=part,
                value=float(earned[here].sum() / total),
                baseline=float(base[here].sum() / total),
                low=low,
                high=high,
                n=n,
            )
        )
    return rows
