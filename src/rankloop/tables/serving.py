"""What serving answers with: rankings, what moved each result, and pipelines by version."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from rankloop.tables.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


class StageMove(Record, kw_only=True, frozen=True):
    """What one stage did with one result."""

    stage: str
    """The stage's type."""

    index: int
    """Its place in the pipeline, from 0; -1 for one that nobody configured."""

    position_before: int | None
    """Where the document stood, from 0; null where the stage found it."""

    position_after: int
    """Where it put it, from 0."""

    score_before: float | None
    score_after: float

    notes: dict[str, Any] = msgspec.field(default_factory=dict)
    """The stage's own reasons, such as counts and the boost that follows from them."""


class ServedResult(Record, kw_only=True, frozen=True, omit_defaults=True):
    """One document of a ranking."""

    document_id: str
    position: int
    """Place in the whole list, from 0, offset included."""

    score: float
    """Comparable within this ranking only."""

    payload: dict[str, Any] | None
    """The document's fields; null where none are known."""

    explain: list[StageMove] | None = None
    """What each stage did with it, in order; there where it was asked for."""


class SkippedStage(Record, frozen=True):
    """A stage that did not take part, and why."""

    stage: str
    """The stage's type."""

    index: int
    """Its place in the pipeline, from 0; -1 for one that nobody configured."""

    reason: str
    """Why, for programs, such as `late` or `unavailable`."""

    detail: str
    """Why, for people."""


class ServedRanking(Record, kw_only=True, frozen=True, omit_defaults=True):
    """One ranking, as served and as logged; iterate for its results.

    Example:
        >>> ranking = ServedRanking(
        ...     search_id="s1", results=[], total=0, took_ms=0.1, skipped_stages=[], pipeline="p@1"
        ... )
        >>> len(ranking), ranking.to_dict()["skipped_stages"]
        (0, [])
    """

    search_id: str
    """To be sent with each interaction with these results."""

    results: list[ServedResult]
    total: int
    """Documents that could be paged to."""

    took_ms: float
    """Time inside the server, the query's embedding included, milliseconds."""

    skipped_stages: list[str]
    """Types of the stages that did not take part; `skipped` says why."""

    pipeline: str
    """What ranked it, as `products@12`."""

    skipped: list[SkippedStage] = msgspec.field(default_factory=list)
    """Each stage that did not take part, with its reason."""

    embed_ms: float = 0.0
    """Time that the query's embedding took of `took_ms`, milliseconds."""

    is_logged: bool = True
    """Whether the ranking was recorded as a search; false where capture could not take it."""

    def __iter__(self) -> Iterator[ServedResult]:
        """Yield the results, best first."""
        return iter(self.results)

    def __len__(self) -> int:
        """Return the number of results."""
        return len(self.results)


class PipelineVersion(Record, kw_only=True, frozen=True, omit_defaults=True):
    """One version of a retriever's pipeline."""

    retriever_id: str
    version: int
    """Counted from 1; a number is never used twice."""

    pipeline: str
    """The name that searches are logged with, as `products@12`."""

    stages: list[dict[str, Any]]
    created_at: datetime
    """UTC."""

    embedder: dict[str, Any] | None = None
    """What makes vectors of text; null where nothing does."""

    signal_weights: dict[str, float] = msgspec.field(default_factory=dict)
    """What interaction types count for with this retriever, where it differs from the defaults."""

    timeout_ms: float | None = None
    """Time budget of a whole request; null for the default."""

    restored_from: int | None = None
    """The older version that this one repeats."""


class PipelineVersions(Record, frozen=True):
    """Versions of pipelines; iterate over them."""

    results: list[PipelineVersion]

    def __iter__(self) -> Iterator[PipelineVersion]:
        """Yield the versions."""
        return iter(self.results)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.results)
