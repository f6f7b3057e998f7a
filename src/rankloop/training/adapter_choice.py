"""Which step to take, and how much of it: judged on queries that it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.training.adapter_steps import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from rankloop.training.adapter_examples import AdapterExamples
    from rankloop.training.adapter_steps import Step, StepConfig

SHARES: Final = (0.25, 0.5, 0.75, 1.0)
"""How much of a step may be taken; 0 is always allowed, too."""

DEPTH: Final = 10
"""How far down a ranking counts."""

MIN_ELSEWHERE: Final = 5
"""Queries under which their mean says nothing."""

_CHUNK: Final = 2**24
"""Scores held at a time; bounds the memory."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One step and share as it did on queries that it did not learn from.

    Attributes:
        method: `matrix`, `anchors` or `residual`.
        place: Which of the method's steps.
        parameters: What makes it that one.
        share: How much of it was taken.
        ndcg: Mean nDCG@10.
        gain: Mean difference to no step at all.
        std_error: Standard error of the gain, over queries.
        gain_elsewhere: Mean difference on those of the queries none of whose positives any other
            query taught: what they want lies where nothing was learned.
        n_elsewhere: How many these are.
    """

    method: str
    place: int
    parameters: dict[str, float]
    share: float
    ndcg: float
    gain: float
    std_error: float
    gain_elsewhere: float = 0.0
    n_elsewhere: int = 0


def measure_ndcg(
    examples: AdapterExamples, places: NDArray[np.int64], moved: NDArray[np.float32] | None = None
) -> NDArray[np.float64]:
    """Measure nDCG@10 of some queries over all documents, ranked by cosine.

    A positive counts 1, everything else 0; of documents as close as a positive all stand before it.

    Args:
        examples: Vectors, and which documents serve which query.
        places: `[n]` the queries.
        moved: `[n, dimension]` their vectors; as they are when left out.

    Returns:
        `[n]` float64 in [0, 1].

    Source: Järvelin & Kekäläinen, Cumulated Gain-Based Evaluation of IR Techniques, TOIS 2002.
    """
    return _measure(examples, places, moved, (1.0,) if moved is not None else (0.0,))[:, 0]


def try_steps(
    examples: AdapterExamples,
    folds: NDArray[np.int64],
    config: StepConfig,
    base_model: str,
    seed: int,
    report: Callable[[float, str], None],
) -> list[Trial]:
    """Try every step with every share, each query judged by what was learned without its fold.

    Args:
        examples: What there is to learn from.
        folds: `[n_queries]` int64, the fold of each query, from 0; those of one fold are judged
            together by what the others taught. Queries of fold -1 always teach.
        config: Which steps there are.
        base_model: Whose vectors they are.
        seed: For what draws.
        report: Told how far this is, in [0, 1], and what is done.

    Returns:
        The trials, by method from careful to bold, smaller shares first.
    """
    judged = [fold for fold in range(int(folds.max()) + 1)]
    trials: list[Trial] = []
    for number, method in enumerate(METHODS):
        kept: list[_Fold] = []
        for fold in judged:
            share = (number + fold / len(judged)) / len(METHODS)
            report(share, f"try {method}, part {fold + 1} of {len(judged)}")
            places = examples.asked[folds[examples.asked] == fold]
            if not places.size:
                continue
            taught = examples.select(np.flatnonzero(folds != fold))
            steps = METHODS[method](taught, base_model, config, seed)
            kept.append(_judge(examples, taught, places, steps))
        trials += _sum_up(method, kept)
    return trials


@dataclass(frozen=True, slots=True)
class _Fold:
    """What was found on one fold.

    Attributes:
        before: `[n]` nDCG@10 as things are.
        is_elsewhere: `[n]` bool, queries none of whose positives was taught.
        tried: For each step its parameters, and `[n, n_shares]` nDCG@10.
    """

    before: NDArray[np.float64]
    is_elsewhere: NDArray[np.bool_]
    tried: list[tuple[dict[str, float], NDArray[np.float64]]]


def _judge(
    examples: AdapterExamples,
    taught: AdapterExamples,
    places: NDArray[np.int64],
    steps: Iterator[Step],
) -> _Fold:
    """Measure steps on queries that did not teach them."""
    is_taught = np.bincount(taught.positive, minlength=len(examples.documents)) > 0
    queries = examples.queries[places]
    return _Fold(
        before=measure_ndcg(examples, places),
        is_elsewhere=np.asarray(examples.positives()[places] @ is_taught.astype(np.int64)) == 0,
        tried=[
            (step.parameters, _measure(examples, places, step.adapter.apply(queries), SHARES))
            for step in steps
        ],
    )


def _sum_up(method: str, folds: list[_Fold]) -> list[Trial]:
    """Put the folds of one method together."""
    before = np.concatenate([fold.before for fold in folds])
    elsewhere = np.concatenate([fold.is_elsewhere for fold in folds])
    trials = []
    for place, tried in enumerate(zip(*(fold.tried for fold in folds), strict=True)):
        values = np.concatenate([found for _, found in tried])
        for column, share in enumerate(SHARES):
            gain = values[:, column] - before
            trials.append(
                Trial(
                    method=method,
                    place=place,
                    parameters=tried[0][0],
                    share=share,
                    ndcg=float(values[:, column].mean()),
                    gain=float(gain.mean()),
                    std_error=float(gain.std(ddof=1) / np.sqrt(gain.size)),
                    gain_elsewhere=float(gain[elsewhere].mean()) if elsewhere.any() else 0.0,
                    n_elsewhere=int(elsewhere.sum()),
                )
            )
    return trials


def choose(trials: list[Trial], min_gain: float = 2.0) -> Trial | None:
    """Choose the trial that gained most, if any gained surely and not at others' cost.

    A step towards what asked queries want may lead others astray, which the mean hides. So the
    queries that want other documents must not lose.

    Args:
        trials: What was tried.
        min_gain: What the gain must exceed, in its standard errors: the best of many tries looks
            better than it is.

    Returns:
        The best, the more careful one of equals; None where no step is the better choice.

    Example:
        >>> better = Trial("matrix", 0, {}, 0.5, ndcg=0.6, gain=0.05, std_error=0.01)
        >>> lucky = Trial("matrix", 1, {}, 1.0, ndcg=0.7, gain=0.15, std_error=0.2)
        >>> choose([better, lucky]).share, choose([lucky])
        (0.5, None)
    """
    sure = [
        trial
        for trial in trials
        if trial.gain > min_gain * trial.std_error
        and (trial.gain_elsewhere >= 0.0 or trial.n_elsewhere < MIN_ELSEWHERE)
    ]
    return max(sure, key=lambda trial: trial.gain, default=None)


def take(
    examples: AdapterExamples, trial: Trial, config: StepConfig, base_model: str, seed: int
) -> Step:
    """Learn the step of a trial from all the examples given."""
    steps = METHODS[trial.method](examples, base_model, config, seed)
    return next(islice(steps, trial.place, None))


def _measure(
    examples: AdapterExamples,
    places: NDArray[np.int64],
    moved: NDArray[np.float32] | None,
    shares: tuple[float, ...],
) -> NDArray[np.float64]:
    """Measure nDCG@10 for several shares of a step at once, `[n, n_shares]`."""
    values = np.zeros((places.size, len(shares)))
    positives = examples.positives()[places]
    size = max(1, _CHUNK // max(1, len(examples.documents)))
    for begin in range(0, places.size, size):
        rows = slice(begin, begin + size)
        old = examples.queries[places[rows]] @ examples.documents.T
        new = old if moved is None else moved[rows] @ examples.documents.T
        query, document = positives[rows].nonzero()
        n_rows = old.shape[0]
        ideal = _IDEAL[np.minimum(np.bincount(query, minlength=n_rows), DEPTH)]
        for column, share in enumerate(shares):
            scores = (1.0 - share) * old + share * new
            ahead = (scores[query] >= scores[query, document][:, None]).sum(axis=1)
            gained = np.where(ahead <= DEPTH, 1.0 / np.log2(1.0 + ahead), 0.0)
            values[rows, column] = np.bincount(query, gained, n_rows) / ideal
    return values


_DISCOUNTS: Final = 1.0 / np.log2(np.arange(2, DEPTH + 2))
_IDEAL: Final = np.concatenate([[1.0], np.cumsum(_DISCOUNTS)])
"""The highest sum for each number of positives; 1 where there is none, so that 0 stays 0."""
