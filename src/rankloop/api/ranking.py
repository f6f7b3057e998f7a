"""Rankings over HTTP: documents found and ranked, or a caller's own candidates ranked anew.

Every ranking is recorded as a search through the same capture that applications use, and answered
once that is durable. Where capture cannot take it, the ranking is answered all the same and says
so: search never fails because learning does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
import numpy as np
from litestar import post
from msgspec import Meta

from rankloop.api.addresses import Address, opt
from rankloop.api.bodies import decode_body
from rankloop.api.ranked import to_filters, to_ranking, to_row
from rankloop.api.reading import AnyRequest, engine_of, in_executor, read_step
from rankloop.capture.checks import Checked
from rankloop.capture.written import write_searches
from rankloop.errors import InputError, UnavailableError
from rankloop.events.bodies import DocumentId, Identifier, QueryText
from rankloop.events.identity import is_plain
from rankloop.events.queries import to_query_key
from rankloop.indexing.filter_reading import read_filter
from rankloop.retrieval.candidates import read_candidates
from rankloop.retrieval.serving import Page, RankingRequest
from rankloop.stages.base import Query
from rankloop.tables.serving import ServedRanking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.events.rows import SearchRow
    from rankloop.stages.base import Candidates
    from rankloop.wiring import Engine

PATH: Final = "/v1/retrievers/{retriever_id:str}"
MAX_DIMENSION: Final = 16_384
"""Most numbers of a query's vector."""


class CandidateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One document of another engine."""

    document_id: DocumentId
    score: float | None = None
    fields: dict[str, Any] | None = None


class RankingBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to rank for, and for whom."""

    query: Annotated[QueryText, Meta(description="What the person asked for.")]
    vector: Annotated[list[float], Meta(min_length=1, max_length=MAX_DIMENSION)] | None = None
    filters: dict[str, Any] | None = None
    limit: Annotated[int, Meta(ge=1, le=1_000)] | None = None
    offset: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    user_id: Identifier | None = None
    session_id: Identifier | None = None
    search_id: Identifier | None = None
    surface: Identifier | None = None
    device: Identifier | None = None
    actor: Literal["human", "agent", "judge", "robot"] = "human"
    explain: bool = False


class ExecuteBody(RankingBody, forbid_unknown_fields=True, kw_only=True):
    """Which documents to find and rank; ten of them unless `limit` says otherwise."""


class RerankBody(RankingBody, forbid_unknown_fields=True, kw_only=True):
    """Which documents to rank anew; all of them unless `limit` says otherwise."""

    candidates: Annotated[list[CandidateBody], Meta(max_length=1_000)]


@post(
    f"{PATH}/execute",
    status_code=200,
    opt=opt(
        Address(scope="search", answers={200: ServedRanking}, refusals=(404,), body=ExecuteBody)
    ),
    tags=["search"],
)
async def execute(request: AnyRequest) -> ServedRanking:
    """Find and rank documents with the pipeline in use, and record the ranking as a search.

    A stage that fails or is late is left out and named in `skipped_stages`. With `explain` each
    result says what every stage did with it.
    """
    return await _serve(request, decode_body(await request.body(), ExecuteBody), None)


@post(
    f"{PATH}/rerank",
    status_code=200,
    opt=opt(
        Address(scope="search", answers={200: ServedRanking}, refusals=(404,), body=RerankBody)
    ),
    tags=["search"],
)
async def rerank(request: AnyRequest) -> ServedRanking:
    """Rank the candidates of another engine anew, and record the ranking as a search.

    What comes in comes out in another order; only filters and exclusions take documents away, and
    stages that find documents do not run.
    """
    body = decode_body(await request.body(), RerankBody)
    return await _serve(request, body, body.candidates)


async def _serve(
    request: AnyRequest, body: RankingBody, candidates: list[CandidateBody] | None
) -> ServedRanking:
    """Rank, record, answer."""
    began = time.perf_counter()
    engine = engine_of(request)
    wanted = _to_request(engine, read_step(request, "retriever_id"), body, candidates)
    ranked = await in_executor(engine.serving.workers, engine.serving.rank, wanted)
    row = to_row(wanted, ranked, body)
    is_logged = await _record(engine, row, is_named=body.search_id is not None)
    took_ms = (time.perf_counter() - began) * 1_000
    return to_ranking(ranked, row.search_id, took_ms, is_logged=is_logged)


def _to_request(
    engine: Engine,
    retriever_id: str,
    body: RankingBody,
    candidates: list[CandidateBody] | None,
) -> RankingRequest:
    """Check what was asked, and put it into our terms."""
    for name in ("user_id", "session_id", "search_id", "surface", "device"):
        text = getattr(body, name)
        if text is not None and not is_plain(text):
            raise InputError(f"{name} has a space or a control character", where=f"/{name}")
    limit = body.limit or (10 if candidates is None else max(1, len(candidates)))
    user_key = None if body.user_id is None else engine.pseudonyms.to_lookup(body.user_id)
    return RankingRequest(
        query=Query(
            retriever_id=retriever_id,
            text=body.query,
            query_key=to_query_key(body.query, to_filters(body.filters)),
            now=engine.now(),
            vector=_to_vector(body.vector),
            filters=read_filter(body.filters) if body.filters else None,
            user_key=user_key,
            session_id=body.session_id,
            depth=body.offset + limit,
        ),
        page=Page(limit, body.offset, explain=body.explain),
        candidates=None if candidates is None else _to_candidates(candidates),
    )


def _to_vector(numbers: list[float] | None) -> NDArray[np.float32] | None:
    """Read the query's vector."""
    if numbers is None:
        return None
    with np.errstate(over="ignore"):
        vector = np.array(numbers, dtype=np.float32)
    if not np.isfinite(vector).all():
        raise InputError("a number of the vector is too large", where="/vector")
    if not vector.any():
        raise InputError("a vector of zeros points nowhere", where="/vector")
    return vector


def _to_candidates(given: list[CandidateBody]) -> Candidates:
    """Read another engine's documents."""
    return read_candidates(
        [one.document_id for one in given],
        [one.score for one in given],
        [one.fields for one in given],
    )


async def _record(engine: Engine, row: SearchRow, *, is_named: bool) -> bool:
    """Record a search durably; say whether capture took it."""
    try:
        await engine.intake.take_searches(write_searches(Checked([row], [0], [is_named], [])))
    except UnavailableError:
        engine.metrics.counter(
            "rankloop_search_unlogged_total", "Rankings served that capture could not take."
        ).add()
        return False
    return True


HANDLERS: Final = [execute, rerank]
"""Every address of this module."""
