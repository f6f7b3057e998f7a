"""Adapters learned from pairs: what moves a query to where its documents are.

A model behind an endpoint cannot be trained. What can be learned is a step that its query vectors
take before the search, while the documents stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import NotEnoughDataError, SettingsError
from rankloop.evaluation.resampling import estimate_difference
from rankloop.models.adapter import QueryAdapter
from rankloop.models.manifest import Measured
from rankloop.training.adapter_choice import Trial, choose, measure_ndcg, take, try_steps
from rankloop.training.adapter_examples import draw_folds
from rankloop.training.adapter_steps import StepConfig
from rankloop.training.splits import hold_out_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from rankloop.training.adapter_examples import AdapterExamples

MIN_QUERIES: Final = 20
"""Distinct queries with a positive under which nothing can be told; a thousand should be there."""

MIN_MEASURED: Final = 5
"""Queries under which a mean has no interval."""

MANY_QUERIES: Final = 5_000
"""Queries from which one part of them is enough to judge steps by."""


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """Settings of the training of an adapter."""

    steps: StepConfig = field(default_factory=StepConfig)
    """Which steps are tried."""

    n_folds: int = 5
    """Into how many parts queries are put, each judged by what the others taught, 2 or more."""

    min_gain: float = 2.0
    """Standard errors by which a step must gain on queries that it did not learn from."""

    def __post_init__(self) -> None:
        if self.n_folds < 2:
            raise SettingsError("n_folds must be at least 2", where="n_folds")


@dataclass(frozen=True, slots=True)
class TrainedAdapter:
    """An adapter, and what is known of it.

    Attributes:
        adapter: What is to be served; with share 0 where no step was better than none.
        chosen: How it was chosen; None where no step was, and none is taken.
        metrics: nDCG@10 beside the vectors as they are: `unseen` on queries that taught nothing,
            `seen` on those that taught, against the pairs they taught.
        trials: Everything that was tried.
    """

    adapter: QueryAdapter
    chosen: Trial | None
    metrics: list[Measured]
    trials: list[Trial]


def train_adapter(
    examples: AdapterExamples,
    names: Sequence[str],
    base_model: str,
    config: AdapterConfig | None = None,
    seed: int = 1,
    report: Callable[[float, str], None] = lambda _share, _message: None,
) -> TrainedAdapter:
    """Train an adapter.

    A fifth of the queries is set aside. Of the others every step is tried, each part judged by what
    the rest taught, and the best is chosen, or none. What is reported is measured with the chosen
    step learned without the queries set aside, and where these rank worse with it, no step is
    taken. What is returned is the same step learned from everything.

    Args:
        examples: Vectors and pairs.
        names: `[n_queries]` texts of the queries, which say what part each is in.
        base_model: Whose vectors they are.
        config: Settings.
        seed: The same examples and seed give the same adapter.
        report: Told how far this is, in [0, 1], and what is done.

    Raises:
        NotEnoughDataError: There are too few queries to judge a step by.
    """
    config = config or AdapterConfig()
    check_enough(examples.asked.size)
    is_aside = hold_out_queries(names)
    aside = examples.asked[is_aside[examples.asked]]
    taught = examples.select(np.flatnonzero(~is_aside))
    folds = draw_folds(names, config.n_folds)
    if examples.asked.size >= MANY_QUERIES:
        folds = np.where(folds == 0, 0, -1)
    trials = try_steps(
        taught,
        folds,
        config.steps,
        base_model,
        seed,
        lambda share, message: report(0.9 * share, message),
    )
    chosen = choose(trials, config.min_gain)
    still = _stand_still(base_model, examples.dimension)
    if chosen is None:
        return TrainedAdapter(still, None, _measure(examples, taught, aside, still), trials)
    report(0.9, "measure")
    measured = _take(taught, chosen, config, base_model, seed)
    metrics = _measure(examples, taught, aside, measured)
    if any(row.part == "unseen" and row.value < row.baseline for row in metrics):
        return TrainedAdapter(still, None, metrics, trials)
    report(0.95, "learn from everything")
    adapter = _take(examples, chosen, config, base_model, seed)
    report(1.0, "done")
    return TrainedAdapter(adapter, chosen, metrics, trials)


def check_enough(n_queries: int) -> None:
    """Refuse to learn from next to nothing.

    Raises:
        NotEnoughDataError: There are fewer queries than can be judged.
    """
    if n_queries < MIN_QUERIES:
        raise NotEnoughDataError(
            f"{n_queries} different queries have a positive, an adapter needs {MIN_QUERIES}",
            where="/pairs",
            hint="Collect more, or boost by interaction counts, which needs no training; from "
            "1,000 queries and 2,000 positives on an adapter is admitted by the gate.",
        )


def _take(
    examples: AdapterExamples, chosen: Trial, config: AdapterConfig, base_model: str, seed: int
) -> QueryAdapter:
    """Learn what was chosen, and take as much of it as was chosen."""
    step = take(examples, chosen, config.steps, base_model, seed)
    return replace(step.adapter, share=chosen.share)


def _stand_still(base_model: str, dimension: int) -> QueryAdapter:
    """Return the adapter that moves nothing."""
    nothing = np.zeros((dimension, 1), np.float32)
    return QueryAdapter(
        base_model, dimension, share=0.0, up=nothing, down=nothing, shift=nothing[:, 0]
    )


def _measure(
    examples: AdapterExamples,
    taught: AdapterExamples,
    aside: NDArray[np.int64],
    adapter: QueryAdapter,
) -> list[Measured]:
    """Measure an adapter on what taught it, and on what was set aside."""
    metrics = []
    for part, places in (("seen", taught.asked), ("unseen", aside)):
        if not places.size:
            continue
        before = measure_ndcg(examples, places)
        after = measure_ndcg(examples, places, adapter.apply(examples.queries[places]))
        low, high = None, None
        if places.size >= MIN_MEASURED:
            found = estimate_difference(after, before, np.random.default_rng(1))
            low, high = found.low, found.high
        metrics.append(
            Measured(
                measure="nDCG@10",
                part=part,
                value=float(after.mean()),
                baseline=float(before.mean()),
                low=low,
                high=high,
                n=int(places.size),
            )
        )
    return metrics
