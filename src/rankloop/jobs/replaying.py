"""Logged searches made again: the same questions, by the pipeline in use and by another."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec

from rankloop.indexing.filter_reading import read_filter
from rankloop.retrieval.candidates import read_candidates
from rankloop.stages.base import Query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from rankloop.indexing.library import Library
    from rankloop.retrieval.answers import Outcome
    from rankloop.retrieval.pipeline import Pipeline
    from rankloop.stages.base import Candidates
    from rankloop.store.base import EventStore, Value
    from rankloop.tables.windows import InsightsWindow

N_SAMPLED: Final = 50
"""Needs, the most frequent ones, that tell whether a pipeline finds what was shown."""

SAMPLED_DEPTH: Final = 10
"""Documents of each that are compared."""

MIN_FOUND: Final = 0.8
"""Share of them that a pipeline must find to be what made the log: with less, the log could not
tell of its rankings anyway, see `OffPolicyConfig.min_support`."""

MAX_CANDIDATES: Final = 1_000
"""Documents of one query that are ranked anew at most, those that scored best."""


@dataclass(frozen=True, slots=True)
class Need:
    """One question as it can be asked again.

    Attributes:
        query_key: The information need.
        text: What was typed.
        filters: Canonical JSON text; None where there were none.
        n: How often it was asked.
        user_key: Who asked; None for a need of many.
        session_id: In which session; None likewise.
    """

    query_key: str
    text: str
    filters: str | None = None
    n: int = 1
    user_key: str | None = None
    session_id: str | None = None


class Replayer:
    """Makes the searches of one retriever again.

    Where the retriever holds no documents of its own, or its pipeline does not find what people
    were shown, those that were shown for the query are ranked anew, with the scores that they had
    on average; see `settle`.

    Args:
        store: Where the log is; its derived tables are up to date.
        library: The documents.
        retriever_id: Whose searches.
        window: From when logged candidates and searches are taken.
        now: The moment that rankings are made at, aware UTC.
    """

    def __init__(
        self,
        store: EventStore,
        library: Library,
        retriever_id: str,
        window: InsightsWindow,
        now: datetime,
    ) -> None:
        self._store = store
        self._retriever_id = retriever_id
        self._now = now
        self._asked: dict[str, Value] = {
            "retriever_id": retriever_id,
            "start": window.start,
            "end": window.end,
        }
        self._holds_documents = library.holds(retriever_id)
        self.is_reranking = not self._holds_documents

    def settle(self, pipeline: Pipeline) -> None:
        """Find out whether the pipeline in use finds what people were shown.

        A team may keep its documents here for what is known of them, and let another engine find
        them: then only the order can be made again.

        Args:
            pipeline: What serves.
        """
        self.is_reranking = not self._holds_documents or not self._is_found(pipeline)

    def _is_found(self, pipeline: Pipeline) -> bool:
        """Say whether most of what was shown first is found first again."""
        n_shown = n_found = 0
        for need in self.needs(N_SAMPLED):
            shown = self._shown.get(need.query_key)
            if shown is not None:
                first = set(shown.head(SAMPLED_DEPTH).document_ids)
                found = self._run(pipeline, need, SAMPLED_DEPTH).results
                n_shown += len(first)
                n_found += len(first & {one.document_id for one in found})
        return n_found >= MIN_FOUND * n_shown

    def needs(self, limit: int) -> list[Need]:
        """Return what was asked for, most often first."""
        rows = self._store.ask("replay_needs", {**self._asked, "limit": limit}).to_pylist()
        return [Need(row["query_key"], row["query"], row["filters"], row["n"]) for row in rows]

    def searches(self, limit: int) -> list[Need]:
        """Return the latest searches."""
        rows = self._store.ask("replay_searches", {**self._asked, "limit": limit}).to_pylist()
        return [
            Need(
                row["query_key"],
                row["query"],
                row["filters"],
                1,
                row["user_key"],
                row["session_id"],
            )
            for row in rows
        ]

    def make(self, pipeline: Pipeline, need: Need, depth: int) -> Outcome:
        """Make one search again; nothing of it is recorded.

        Raises:
            RankloopError: It cannot be made.
        """
        if not self.is_reranking:
            return self._run(pipeline, need, depth)
        candidates = self._shown.get(need.query_key)
        if candidates is None:
            candidates = read_candidates([], [], [])
        return pipeline.rerank(self._ask(need, depth), candidates, limit=depth)

    def rank(
        self,
        pipeline: Pipeline,
        needs: Sequence[Need],
        depth: int,
        tick: Callable[[float], None] = lambda _: None,
    ) -> dict[str, list[str]]:
        """Return the first documents of each need, by its key.

        Args:
            pipeline: What ranks.
            needs: What is asked.
            depth: Documents of each.
            tick: Told how far this is, in [0, 1].
        """
        ranked = {}
        for place, need in enumerate(needs):
            if place % 32 == 0:
                tick(place / len(needs))
            outcome = self.make(pipeline, replace(need, user_key=None, session_id=None), depth)
            ranked[need.query_key] = [one.document_id for one in outcome.results]
        return ranked

    def _run(self, pipeline: Pipeline, need: Need, depth: int) -> Outcome:
        """Let the pipeline find documents itself."""
        return pipeline.run(self._ask(need, depth), limit=depth)

    def _ask(self, need: Need, depth: int) -> Query:
        """Put a need into a query's form."""
        return Query(
            retriever_id=self._retriever_id,
            text=need.text,
            query_key=need.query_key,
            now=self._now,
            filters=read_filter(msgspec.json.decode(need.filters)) if need.filters else None,
            user_key=need.user_key,
            session_id=need.session_id,
            depth=depth,
        )

    @functools.cached_property
    def _shown(self) -> Mapping[str, Candidates]:
        """What was shown for each query, best first."""
        by_query: dict[str, list[tuple[float, str]]] = {}
        for row in self._store.ask("feature_scores", self._asked).to_pylist():
            score = row["score"] / row["n"]
            by_query.setdefault(row["query_key"], []).append((score, row["document_id"]))
        shown = {}
        for key, rows in by_query.items():
            best = sorted(rows, key=lambda row: (-row[0], row[1]))[:MAX_CANDIDATES]
            shown[key] = read_candidates(
                [name for _, name in best], [score for score, _ in best], [None] * len(best)
            )
        return shown
