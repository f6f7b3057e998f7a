"""A ranking once made: as it is answered, and as it is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from rankloop.events.identity import make_uuid7s
from rankloop.events.limits import MAX_METADATA_BYTES
from rankloop.events.rows import ResultRow, SearchRow
from rankloop.models.feature_log import write_features
from rankloop.tables.serving import ServedRanking, ServedResult, SkippedStage, StageMove

if TYPE_CHECKING:
    from rankloop.retrieval.answers import Result, Skipped, Step
    from rankloop.retrieval.serving import Ranked, RankingRequest
    from rankloop.stages.base import SeenFeatures

REASONS: Final = {
    "late": "it was not done in time",
    "failed": "it failed; the server's log has more",
    "no_vector": "there is neither an embedder nor a vector, so words were searched instead",
    "unavailable": "what it depends on does not answer",
    "embedder_unavailable": "the embedder does not answer, so words were searched instead",
    "embedder_late": "the embedder was not done in time, so words were searched instead",
    "embedder_failed": "the embedder failed, so words were searched instead",
    "embedder_conflict": "the embedder makes other vectors, so words were searched instead",
    "embedder_mismatch": "the embedder makes other vectors, so words were searched instead",
}
"""Why a stage did not take part, for people."""

SOURCE: Final = "serving"
"""How searches that were ranked here came in."""

_canonical: Final = msgspec.json.Encoder(order="sorted").encode


class Circumstances(Protocol):
    """What a request says about itself that no stage reads."""

    @property
    def search_id(self) -> str | None:
        """The search that the ranking is a list of; None for a new one."""
        ...

    @property
    def surface(self) -> str | None:
        """Where it is shown."""
        ...

    @property
    def device(self) -> str | None:
        """On what kind of device."""
        ...

    @property
    def actor(self) -> str:
        """Who searches."""
        ...

    @property
    def filters(self) -> dict[str, Any] | None:
        """The filters as sent."""
        ...


def to_filters(filters: dict[str, Any] | None) -> str | None:
    """Write the filters that are part of the need, as canonical JSON.

    Conditions on `document_id` are about the person, such as what was bought before, and differ
    from one to the next: with them every search would be a need of its own.

    Example:
        >>> to_filters({"brand": "a", "document_id": {"$nin": ["d1"]}})
        '{"brand":"a"}'
        >>> to_filters({"document_id": {"$nin": ["d1"]}}) is None
        True
    """
    kept = {name: value for name, value in (filters or {}).items() if name != "document_id"}
    if not kept:
        return None
    text = _canonical(kept)
    # What is too long to be recorded still tells one need from another.
    return text.decode() if len(text) <= MAX_METADATA_BYTES else None


def to_row(request: RankingRequest, ranked: Ranked, said: Circumstances) -> SearchRow:
    """Write a ranking as the search that capture records."""
    query, outcome = request.query, ranked.outcome
    at = int(query.now.timestamp() * 1e6)
    return SearchRow(
        search_id=said.search_id or make_uuid7s(1, at)[0],
        at=at,
        received_at=at,
        retriever_id=query.retriever_id,
        query=query.text,
        query_key=query.query_key,
        page_offset=request.page.offset,
        pipeline_version=ranked.pipeline,
        filters=to_filters(said.filters),
        user=query.user_key,
        session_id=query.session_id,
        surface=said.surface,
        device=said.device,
        actor=said.actor,
        total=outcome.total,
        latency_ms=outcome.took_ms,
        source=SOURCE,
        n_results=len(outcome.results),
        features=_to_features(outcome.seen),
        results=[ResultRow(result.document_id, result.score) for result in outcome.results],
    )


def _to_features(seen: SeenFeatures | None) -> str | None:
    """Write what a ranker saw of the results; nothing where none looked, or there are none."""
    if seen is None or not seen.document_ids:
        return None
    return write_features(seen.names, seen.values)


def to_ranking(ranked: Ranked, search_id: str, took_ms: float, *, is_logged: bool) -> ServedRanking:
    """Write a ranking as it is answered."""
    outcome = ranked.outcome
    return ServedRanking(
        search_id=search_id,
        results=[_to_result(result) for result in outcome.results],
        total=outcome.total,
        took_ms=round(took_ms, 3),
        skipped_stages=[skipped.stage for skipped in outcome.skipped_stages],
        pipeline=ranked.pipeline,
        skipped=[_to_skipped(skipped) for skipped in outcome.skipped_stages],
        embed_ms=round(outcome.embed_ms or 0.0, 3),
        is_logged=is_logged,
    )


def _to_result(result: Result) -> ServedResult:
    return ServedResult(
        document_id=result.document_id,
        position=result.position,
        score=result.score,
        payload=dict(result.payload),
        explain=None if result.explain is None else [_to_move(step) for step in result.explain],
    )


def _to_move(step: Step) -> StageMove:
    return StageMove(
        stage=step.stage,
        index=step.index,
        position_before=step.position_before,
        position_after=step.position_after,
        score_before=step.score_before,
        score_after=step.score_after,
        notes=dict(step.notes),
    )


def _to_skipped(skipped: Skipped) -> SkippedStage:
    detail = REASONS.get(skipped.reason, "it could not do its work")
    return SkippedStage(skipped.stage, skipped.index, skipped.reason, detail)
