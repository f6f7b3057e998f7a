"""Training data: pairs out of the log, judgments in."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from litestar import Response, delete, get, put
from msgspec import Meta

from rankloop.api.addresses import JSON, NDJSON, Address, opt
from rankloop.api.filters import MinInteractions
from rankloop.api.reading import (
    AnyRequest,
    engine_of,
    in_thread,
    now_of,
    query_of,
    read_step,
    wait_for_store,
)
from rankloop.dialects.judgments import JudgmentFormat, read_judgments
from rankloop.tables.fields import Days, End, Start, Text, check_window, to_start
from rankloop.tables.pairs import QueryDocumentPairs
from rankloop.tables.windows import InsightsWindow


class PairQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the log to mine."""

    retriever_id: (
        Annotated[Text, Meta(description="Whose lists; the only retriever when left out.")] | None
    ) = None
    days: Days | None = None
    start: Start | None = None
    end: End | None = None
    min_interactions: MinInteractions = 2

    def __post_init__(self) -> None:
        check_window(self.days, self.start, self.end)


class JudgmentFormatQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What form the judgments have."""

    format: Annotated[
        JudgmentFormat,
        Meta(
            description="`srw` (Search Relevance Workbench), `trec` (qrels) or `ndjson` (lines "
            "with `query`, `document_id` and `relevance`)."
        ),
    ] = "ndjson"


class JudgmentSource(msgspec.Struct, frozen=True):
    """Judgments that were brought in under one name."""

    source: str
    """The name."""
    judgments: int
    """Judged (query, document) pairs."""
    queries: int
    """Different queries among them."""


class JudgmentSources(msgspec.Struct, frozen=True):
    """Every source of judgments that was brought in."""

    results: list[JudgmentSource]


@get(
    "/v1/analytics/pairs",
    opt=opt(
        Address(
            scope="read",
            answers={200: QueryDocumentPairs},
            refusals=(503,),
            query=PairQuery,
        )
    ),
    tags=["training"],
)
async def get_pairs(request: AnyRequest) -> QueryDocumentPairs:
    """Mine contrastive training pairs, and say what became of the candidates.

    Position is taken out where the log tells it; `evidence` says so for each pair.
    """
    engine = engine_of(request)
    query = query_of(request, PairQuery)
    await wait_for_store(engine)
    window = InsightsWindow(to_start(query.days, query.start, now_of(request)), query.end)
    return await in_thread(
        engine.learning.pairing.mine, query.retriever_id, window, query.min_interactions
    )


@get(
    "/v1/judgments",
    opt=opt(Address(scope="read", answers={200: JudgmentSources})),
    tags=["training"],
)
async def list_judgments(request: AnyRequest) -> JudgmentSources:
    """List the sources of judgments that were brought in."""
    kept = await in_thread(engine_of(request).learning.judgments.read)
    return JudgmentSources(
        [
            JudgmentSource(source, len(rows), len({row.query_key for row in rows}))
            for source, rows in kept.items()
        ]
    )


@put(
    "/v1/judgments/{source:str}",
    status_code=200,
    opt=opt(
        Address(
            scope="admin",
            answers={200: JudgmentSource},
            query=JudgmentFormatQuery,
            body=str,
            body_media=(JSON, NDJSON, "text/plain"),
        )
    ),
    tags=["training"],
)
async def put_judgments(request: AnyRequest) -> JudgmentSource:
    """Bring in the judgments of a source, in place of those it had.

    Ratings are kept relative to the largest of the file. What a source counts for is said when
    judgments are exported, so that changing it changes all of them.
    """
    engine = engine_of(request)
    source = read_step(request, "source")
    body = await request.body()
    rows = await in_thread(read_judgments, body, query_of(request, JudgmentFormatQuery).format)
    n_kept = await in_thread(engine.learning.judgments.put, source, rows)
    return JudgmentSource(source, n_kept, len({row.query for row in rows}))


@delete(
    "/v1/judgments/{source:str}",
    status_code=204,
    opt=opt(Address(scope="admin", answers={204: None}, refusals=(404,))),
    tags=["training"],
)
async def delete_judgments(request: AnyRequest) -> Response[None]:
    """Forget the judgments of a source."""
    await in_thread(engine_of(request).learning.judgments.remove, read_step(request, "source"))
    return Response(None, status_code=204)


HANDLERS: Final = [get_pairs, list_judgments, put_judgments, delete_judgments]
"""Every address of this module."""
