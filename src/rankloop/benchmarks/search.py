"""How long a search takes with all that was learned, beside the same by SQL for every query.

Everything is measured inside the process, one request after the other: what HTTP adds is not here,
and the query comes with its vector, whose making is measured apart. Processor time is told beside
the clock, which on busy cores counts the neighbors too.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from rankloop.benchmarks.corpus import Corpus, CorpusSpec
from rankloop.benchmarks.embedding import measure_embedding
from rankloop.benchmarks.figures import Figure, Outcome, compare, describe_machine, to_table
from rankloop.benchmarks.model_stage import measure_model_stage
from rankloop.benchmarks.peer_serving import SqlRanking
from rankloop.benchmarks.traffic import TrafficSpec, name_need, write_traffic
from rankloop.counters.live import LiveCounters
from rankloop.errors import InputError
from rankloop.indexing.qdrant_edge import QdrantEdgeIndex
from rankloop.retrieval.parts import Parts
from rankloop.retrieval.pipeline import Pipeline
from rankloop.retrieval.running import LATE
from rankloop.retrieval.specification import read_pipeline
from rankloop.stages.base import Candidates, Query
from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rankloop.indexing.base import DocumentIndex
    from rankloop.retrieval.answers import Skipped

__all__ = ["measure", "to_table"]

HYBRID: Final[dict[str, Any]] = {"type": "hybrid_search", "top_k": 100}
LEARNED: Final[list[dict[str, Any]]] = [
    {
        "type": "rerank",
        "boost_by_interaction_count": {
            "interaction_types": ["click", "purchase"],
            "time_window_days": 7,
            "boost_multiplier": 1.2,
        },
    },
    {"type": "exclude_interacted", "interaction_types": ["purchase"], "days": 90},
    {"type": "personalize"},
]
"""The stages that were learned: popularity, exclusion, personal taste."""

N_WARM: Final = 200
N_QUERIES: Final = 2_000
N_PEER_QUERIES: Final = 500
N_CANDIDATES: Final = 100
PEERS: Final = ("sql",)

_READING_S: Final = 600.0
_DAYS: Final = 90
_ENDS: Final = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(days=_DAYS)
"""When the made-up traffic ends; every query is asked then."""

CORPUS: Final = CorpusSpec()
TRAFFIC: Final = TrafficSpec(
    n_searches=1_000_000,
    n_users=50_000,
    days=_DAYS,
    n_topics=CORPUS.n_topics,
    purchases=50,
)


@dataclass(frozen=True, slots=True)
class SearchSpec:
    """How much there is to search, and how much was learned from."""

    corpus: CorpusSpec = CORPUS
    traffic: TrafficSpec = TRAFFIC
    """About one interaction a search."""

    n_warm: int = N_WARM
    """Queries before those that count."""

    n_queries: int = N_QUERIES
    n_peer_queries: int = N_PEER_QUERIES
    n_model_queries: int = N_PEER_QUERIES


class _Times:
    """Milliseconds of each request, in one way of ranking; `cpu` is processor time."""

    def __init__(self) -> None:
        self.search: list[float] = []
        self.search_cpu: list[float] = []
        self.learned: list[float] = []
        self.rerank: list[float] = []
        self.rerank_cpu: list[float] = []

    def forget(self) -> None:
        """Leave out the first requests, which warm up."""
        for times in vars(self).values():
            times.clear()


class _Watch:
    """How long a request takes, on the clock and of the processors."""

    def __enter__(self) -> Self:
        self._began, self._cpu_began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu_ms = (time.process_time() - self._cpu_began) * 1e3
        self.wall_ms = (time.perf_counter() - self._began) * 1e3


def measure(
    *, against: str | None = None, say: Callable[[str], None], spec: SearchSpec | None = None
) -> Outcome:
    """Measure searches on a warm process.

    Args:
        against: `sql`: the same candidates, ranked by SQL over the interactions for every query.
        say: Told what is being done.
        spec: How much of everything; by default what the documentation's figures are about.

    Raises:
        InputError: There is no such peer.
    """
    if against is not None and against not in PEERS:
        raise InputError(f"there is no peer {against!r}", hint=f"Known: {', '.join(PEERS)}.")
    spec = spec or SearchSpec()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = DuckDBStore(StoreConfig(folder / "events.duckdb"))
        stack.callback(store.close)
        n_interactions = write_traffic(store, spec.traffic, say)
        corpus = Corpus(spec.corpus)
        index = _fill_index(folder / "index", corpus, say)
        stack.callback(index.close)
        counters = LiveCounters(store, lambda _: True, clock=lambda: _ENDS)
        stack.callback(counters.close)
        say("reading the counters")
        counters.start()
        if not counters.refresh(_READING_S):
            raise RuntimeError("the counters did not read the store in time")
        parts = Parts(index, counters=counters)
        stack.callback(parts.workers.shutdown)
        queries = _make_queries(corpus, spec)
        say(f"searching, {n_interactions:,} interactions")
        ours = _run_pipeline(parts, queries, spec.n_warm)
        theirs = None
        if against is not None:
            say(f"the same by {against}")
            ranking = SqlRanking(folder / "peer.db")
            stack.callback(ranking.close)
            ranking.fill(store)
            asked = queries[: spec.n_warm + spec.n_peer_queries]
            theirs = _run_peer(ranking, parts, asked, spec.n_warm)
        figures = _to_figures(ours, theirs, against)
        finder = Pipeline(read_pipeline({"stages": [HYBRID]}), parts)
        asked = queries[: spec.n_warm + spec.n_model_queries]
        found = [(query, _find(finder, query)) for query in asked]
        figures += measure_model_stage(index, store, found, spec.n_warm, say)
        figures += measure_embedding([query.text for query in queries], say)
    return Outcome(figures, describe_machine())


def _fill_index(folder: Path, corpus: Corpus, say: Callable[[str], None]) -> DocumentIndex:
    """Index every document."""
    index = QdrantEdgeIndex(folder)
    n_documents = 0
    for batch in corpus.iter_batches():
        index.upsert(batch)
        n_documents += len(batch)
        if not n_documents % 20_000:
            say(f"indexed {n_documents:,} documents")
    index.flush()
    say("building the graph of vectors")
    index.optimize()
    return index


def _make_queries(corpus: Corpus, spec: SearchSpec) -> list[Query]:
    """Make queries by users of the traffic."""
    rng = np.random.default_rng(spec.corpus.seed)
    users = rng.integers(0, spec.traffic.n_users, spec.n_warm + spec.n_queries)
    # As in the traffic: query `n` is about n times as rare as the first.
    asked = np.exp(rng.random(len(users)) * np.log(spec.traffic.n_queries)).astype(np.int64)
    made = corpus.make_queries(asked % spec.corpus.n_topics, rng)
    return [
        Query(
            retriever_id="shop",
            text=query.text,
            query_key=name_need(number),
            now=_ENDS,
            vector=query.vector,
            user_key=f"u~{user}",
        )
        for query, user, number in zip(made, users.tolist(), asked.tolist(), strict=True)
    ]


def _run_pipeline(parts: Parts, queries: Sequence[Query], n_warm: int) -> _Times:
    """Search and re-rank with everything that was learned."""
    pipeline = Pipeline(read_pipeline({"stages": [HYBRID, *LEARNED]}), parts)
    finder = Pipeline(read_pipeline({"stages": [HYBRID]}), parts)
    times = _Times()
    learned = [f"{place}:{stage['type']}" for place, stage in enumerate(LEARNED, start=1)]
    for number, query in enumerate(queries):
        if number == n_warm:
            times.forget()
        with _Watch() as search:
            outcome = pipeline.run(query, limit=10)
        _check(outcome.skipped_stages)
        candidates = _find(finder, query)
        with _Watch() as rerank:
            pipeline.rerank(query, candidates, limit=N_CANDIDATES)
        times.search.append(search.wall_ms)
        times.search_cpu.append(search.cpu_ms)
        times.learned.append(sum(outcome.stage_ms.get(name, 0.0) for name in learned))
        times.rerank.append(rerank.wall_ms)
        times.rerank_cpu.append(rerank.cpu_ms)
    return times


def _run_peer(ranking: SqlRanking, parts: Parts, queries: Sequence[Query], n_warm: int) -> _Times:
    """Search with the same index, and rank by SQL."""
    finder = Pipeline(read_pipeline({"stages": [HYBRID]}), parts)
    times = _Times()
    for number, query in enumerate(queries):
        if number == n_warm:
            times.forget()
        with _Watch() as search:
            candidates = _find(finder, query)
            with _Watch() as rerank:
                ranking.rank(query, candidates)
        times.search.append(search.wall_ms)
        times.search_cpu.append(search.cpu_ms)
        times.learned.append(rerank.wall_ms)
        times.rerank.append(rerank.wall_ms)
        times.rerank_cpu.append(rerank.cpu_ms)
    return times


def _find(finder: Pipeline, query: Query) -> Candidates:
    """Find the candidates that are to be ranked."""
    results = finder.run(query, limit=N_CANDIDATES).results
    return Candidates(
        tuple(result.document_id for result in results),
        np.array([result.score for result in results]),
        {result.document_id: result.payload for result in results},
    )


def _check(skipped: Sequence[Skipped]) -> None:
    """Refuse to call a search fast that left something out."""
    if any(one.reason != LATE for one in skipped):
        raise RuntimeError(f"stages were left out: {sorted({one.reason for one in skipped})}")


def _to_figures(ours: _Times, theirs: _Times | None, peer: str | None) -> list[Figure]:
    """Put the figures side by side."""

    def figure(name: str, of: Callable[[_Times], list[float]], percentile: float) -> Figure:
        value = float(np.percentile(of(ours), percentile))
        other = None if theirs is None else float(np.percentile(of(theirs), percentile))
        return compare(name, value, "ms", peer, other)

    return [
        figure("search_p50_ms", lambda times: times.search, 50),
        figure("search_p99_ms", lambda times: times.search, 99),
        figure("learned_stages_p50_ms", lambda times: times.learned, 50),
        figure("rerank_p99_ms", lambda times: times.rerank, 99),
        figure("search_cpu_p50_ms", lambda times: times.search_cpu, 50),
        figure("search_cpu_p99_ms", lambda times: times.search_cpu, 99),
        figure("rerank_cpu_p99_ms", lambda times: times.rerank_cpu, 99),
    ]
