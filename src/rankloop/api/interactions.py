"""Interactions, read back: pages, streams, single ones, and their deletion."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from litestar import Response, delete, get, post
from litestar.response import Stream

from rankloop.api.addresses import JSON, NDJSON, Address, opt
from rankloop.api.filters import InteractionQuery, decode_cursor, encode_cursor
from rankloop.api.parameters import read_body
from rankloop.api.reading import (
    AnyRequest,
    engine_of,
    in_thread,
    now_of,
    query_of,
    read_step,
    wait_for_store,
)
from rankloop.errors import NotFoundError
from rankloop.events.views import InteractionView
from rankloop.privacy.records import to_interaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rankloop.store.base import Value
    from rankloop.wiring import Engine

PATH: Final = "/v1/retrievers/interactions"
STREAMED_ROWS: Final = 5_000
"""Rows that a stream asks the store for at a time."""

_encoder = msgspec.json.Encoder()


class CursorPagination(msgspec.Struct, frozen=True):
    """Where a page stands."""

    total: int | None
    """Rows in all; null unless `include_total` asked for it."""
    page: int | None
    """This page's number, from 1; null where pages are not counted."""
    page_size: int
    next_cursor: str | None
    """What to send as `cursor` for the next page; null on the last."""


class InteractionPage(msgspec.Struct, frozen=True):
    """One page of interactions, newest first."""

    results: list[InteractionView]
    pagination: CursorPagination
    behind: int | msgspec.UnsetType = msgspec.UNSET
    """Journal entries not yet in the store, where stale rows were allowed and are."""


@get(
    PATH,
    opt=opt(
        Address(
            scope="read",
            answers={200: InteractionPage},
            refusals=(503,),
            query=InteractionQuery,
            media=(JSON, NDJSON),
        )
    ),
    tags=["interactions"],
)
async def list_interactions(request: AnyRequest) -> Response[InteractionPage]:
    """List interactions, newest first.

    All filters narrow together. A page is asked for by `page` and `page_size`, by `limit` and
    `offset`, or by `limit` and `cursor`; every page but the last carries `next_cursor`, whichever
    way it was asked for. With `Accept: application/x-ndjson` the answer is a stream of rows
    without a ceiling.
    """
    return await _answer(request, query_of(request, InteractionQuery))


@post(
    f"{PATH}/list",
    status_code=200,
    opt=opt(
        Address(
            scope="read",
            answers={200: InteractionPage},
            refusals=(503,),
            body=InteractionQuery,
            media=(JSON, NDJSON),
        )
    ),
    tags=["interactions"],
)
async def query_interactions(request: AnyRequest) -> Response[InteractionPage]:
    """List interactions by filters in a body, the same as in the address."""
    return await _answer(request, read_body(await request.body(), InteractionQuery))


@get(
    f"{PATH}/{{interaction_id:str}}",
    opt=opt(Address(scope="read", answers={200: InteractionView}, refusals=(404, 503))),
    tags=["interactions"],
)
async def get_interaction(request: AnyRequest) -> Response[InteractionView]:
    """Return one interaction."""
    engine = engine_of(request)
    interaction_id = read_step(request, "interaction_id")
    await wait_for_store(engine)
    wanted = {"interaction_id": interaction_id}
    rows = (await in_thread(engine.store.ask, "interaction", wanted)).to_pylist()
    if not rows:
        raise _not_found(interaction_id)
    return Response(to_interaction(rows[0]))


@delete(
    f"{PATH}/{{interaction_id:str}}",
    status_code=204,
    opt=opt(Address(scope="admin", answers={204: None}, refusals=(404, 503))),
    tags=["interactions"],
)
async def delete_interaction(request: AnyRequest) -> None:
    """Delete one interaction for good; a late retry of it changes nothing."""
    engine = engine_of(request)
    interaction_id = read_step(request, "interaction_id")
    if not await in_thread(engine.erasure.delete_interaction, interaction_id):
        raise _not_found(interaction_id)


async def _answer(request: AnyRequest, query: InteractionQuery) -> Response[Any]:
    """Answer with a page, or with a stream where that was asked for."""
    engine = engine_of(request)
    filters = query.to_parameters(engine.pseudonyms.to_lookup, now_of(request))
    cursor = decode_cursor(query.cursor) if query.cursor else None
    is_stream = NDJSON in request.headers.get("accept", "")
    if not is_stream:
        query.check_page()
    behind = await wait_for_store(engine, allow_stale=query.allow_stale)
    if is_stream:
        headers = {} if behind is None else {"x-rankloop-behind": str(behind)}
        rows = _stream(engine, filters, query, cursor)
        return Stream(rows, media_type=NDJSON, headers=headers)
    page = await in_thread(_read_page, engine, filters, query, cursor)
    if behind is not None:
        page = msgspec.structs.replace(page, behind=behind)
    return Response(_encoder.encode(page), media_type="application/json")


def _read_page(
    engine: Engine,
    filters: dict[str, Value],
    query: InteractionQuery,
    cursor: tuple[datetime, int] | None,
) -> InteractionPage:
    """Read one page, and one row more to know whether another follows."""
    parameters = {**filters, "limit": query.size + 1, "offset": query.skip, **_before(cursor)}
    rows = engine.store.ask("interactions_page", parameters).to_pylist()
    total = None
    if query.include_total:
        total = engine.store.ask("interactions_count", filters).column("total")[0].as_py()
    kept = rows[: query.size]
    has_more = len(rows) > query.size
    is_counted = cursor is None and query.skip % query.size == 0
    return InteractionPage(
        [to_interaction(row) for row in kept],
        CursorPagination(
            total=total,
            page=query.skip // query.size + 1 if is_counted else None,
            page_size=query.size,
            next_cursor=encode_cursor(*_place_of(kept[-1])) if has_more else None,
        ),
    )


async def _stream(
    engine: Engine,
    filters: dict[str, Value],
    query: InteractionQuery,
    cursor: tuple[datetime, int] | None,
) -> AsyncIterator[bytes]:
    """Yield rows as lines, some thousand at a time, until the limit if there is one."""
    wanted = query.limit or query.page_size
    offset = query.skip
    while True:
        size = STREAMED_ROWS if wanted is None else min(STREAMED_ROWS, wanted)
        parameters = {**filters, "limit": size, "offset": offset, **_before(cursor)}
        rows = (await in_thread(engine.store.ask, "interactions_page", parameters)).to_pylist()
        yield await in_thread(_encoder.encode_lines, [to_interaction(row) for row in rows])
        wanted = None if wanted is None else wanted - len(rows)
        if len(rows) < size or wanted == 0:
            return
        cursor, offset = _place_of(rows[-1]), 0


def _place_of(row: dict[str, Any]) -> tuple[datetime, int]:
    """Return a row's place in the order, which is what a cursor holds."""
    return row["timestamp"].replace(tzinfo=UTC), row["interaction_key"]


def _before(cursor: tuple[datetime, int] | None) -> dict[str, Value]:
    """Return the parameters that begin after the last row seen."""
    if cursor is None:
        return {"before_at": None, "before_key": None}
    return {"before_at": cursor[0], "before_key": cursor[1]}


def _not_found(interaction_id: str) -> NotFoundError:
    return NotFoundError(f"there is no interaction {interaction_id!r}", where="/interaction_id")


HANDLERS: Final = [list_interactions, query_interactions, get_interaction, delete_interaction]
"""Every address of this module."""
