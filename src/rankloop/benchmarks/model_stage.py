"""How long the stage `model` takes for a hundred candidates, with the largest ranker trained here.

The facts of documents are kept; `model_stage_first_p50_ms` is what a query costs that comes as the
traffic has it, some of its documents not read yet.
"""

from __future__ import annotations

import time
from datetime import UTC
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.attribution.derivation import Derivation
from rankloop.benchmarks.figures import compare
from rankloop.counters.day_histories import DayHistories
from rankloop.counters.day_history import WantedHistory
from rankloop.models.feature_learning import learn_features
from rankloop.models.ranker import Ranker
from rankloop.stages.model import ModelStage
from rankloop.training.trees import TreeConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rankloop.benchmarks.figures import Figure
    from rankloop.indexing.base import DocumentIndex
    from rankloop.models.feature_spec import FeatureSpec
    from rankloop.stages.base import Candidates, Query
    from rankloop.store.base import EventStore

N_FIELDS: Final = 200
"""Documents whose fields say what the ranker reads."""

READING_S: Final = 600.0

Asked = tuple["Query", "Candidates"]
"""A query with what was found for it."""


def measure_model_stage(
    index: DocumentIndex,
    store: EventStore,
    asked: Sequence[Asked],
    n_warm: int,
    say: Callable[[str], None],
) -> list[Figure]:
    """Measure the stage on a warm process.

    Args:
        index: The documents.
        store: Where the log is; it is derived here.
        asked: Queries with their candidates.
        n_warm: Of these, how many do not count.
        say: Told what is being done.
    """
    say("deriving the log, for what rankers know of the past")
    histories = DayHistories(store, Derivation(store).refresh)
    try:
        sample = index.documents(index.document_ids()[:N_FIELDS])
        spec = learn_features([one.payload for one in sample])
        query = asked[0][0]
        day = query.now.astimezone(UTC).date()
        if histories.wait(WantedHistory.of(spec, query.retriever_id, day), READING_S) is None:
            raise RuntimeError("the past was not read in time")
        say("growing a ranker")
        looking = ModelStage(index, histories, None, spec)
        ranker = _grow(looking, spec, asked[: max(n_warm, 1)])
        say("ranking by it")
        times = _run(ModelStage(index, histories, ranker, spec), asked)[n_warm:]
    finally:
        histories.close()
    first, wall, cpu = times.T
    return [
        compare("model_stage_p50_ms", float(np.percentile(wall, 50)), "ms"),
        compare("model_stage_p99_ms", float(np.percentile(wall, 99)), "ms"),
        compare("model_stage_cpu_p50_ms", float(np.percentile(cpu, 50)), "ms"),
        compare("model_stage_first_p50_ms", float(np.percentile(first, 50)), "ms"),
    ]


def _grow(stage: ModelStage, spec: FeatureSpec, asked: Sequence[Asked]) -> Ranker:
    """Grow trees on what the stage sees, and on clicks drawn by the score that was handed in."""
    import lightgbm

    rng = np.random.default_rng(1)
    seen = [after.seen for after in (stage(*one) for one in asked) if after.seen is not None]
    features = np.concatenate([one.values for one in seen])
    share = np.nan_to_num(features[:, spec.names.index("score_ratio")])
    data = lightgbm.Dataset(features, rng.poisson(np.exp(share)).astype(np.float64))
    trees = TreeConfig()
    fit = {"objective": "poisson", "num_leaves": trees.num_leaves, "verbose": -1, "num_threads": 1}
    return Ranker(lightgbm.train(fit, data, trees.max_trees), list(spec.names))


def _run(
    stage: ModelStage, asked: Sequence[Asked]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Rank twice for each query.

    Returns:
        `[n_queries, 3]` milliseconds: the first time, the second, and the processors' of that.
    """
    times = np.empty((len(asked), 3))
    for row, (query, candidates) in enumerate(asked):
        began = time.perf_counter()
        stage(query, candidates)
        again, cpu = time.perf_counter(), time.process_time()
        stage(query, candidates)
        ended, cpu_ended = time.perf_counter(), time.process_time()
        times[row] = again - began, ended - again, cpu_ended - cpu
    return times * 1e3
