"""Analytics over HTTP: all signals of a retriever in one answer, and the parts, paged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from litestar import Response, get

from rankloop.api.addresses import Address, opt
from rankloop.api.filters import PartQuery, SignalQuery, WindowQuery
from rankloop.api.reading import (
    AnyRequest,
    engine_of,
    in_thread,
    now_of,
    query_of,
    read_step,
    wait_for_store,
)
from rankloop.tables.engagement import DocumentRow, QueryRow
from rankloop.tables.health import Health
from rankloop.tables.overview import PositionRow
from rankloop.tables.pages import Page, PageRequest
from rankloop.tables.signals import Performance, Signals

if TYPE_CHECKING:
    from collections.abc import Callable

PATH: Final = "/v1/analytics/retrievers/{retriever_id:str}"

EVERY: Final = "-"
"""In place of a retriever's id: all of them together."""


@get(
    f"{PATH}/signals",
    opt=opt(Address(scope="read", answers={200: Signals}, refusals=(503,), query=SignalQuery)),
    tags=["analytics"],
)
async def report_signals(request: AnyRequest) -> Response[bytes]:
    """Return every signal of a retriever in one answer; each rate with its evidence."""
    return await _answer_whole(request, engine_of(request).insights.signals)


@get(
    f"{PATH}/performance",
    opt=opt(Address(scope="read", answers={200: Performance}, refusals=(503,), query=PartQuery)),
    tags=["analytics"],
)
async def report_performance(request: AnyRequest) -> Response[bytes]:
    """Return the overview and the days, newest first, a page at a time."""
    return await _answer_page(request, engine_of(request).insights.performance)


@get(
    f"{PATH}/positions",
    opt=opt(
        Address(scope="read", answers={200: Page[PositionRow]}, refusals=(503,), query=PartQuery)
    ),
    tags=["analytics"],
)
async def report_positions(request: AnyRequest) -> Response[bytes]:
    """Return click-through by position, from 0 on, a page at a time."""
    return await _answer_page(request, engine_of(request).insights.positions)


@get(
    f"{PATH}/queries",
    opt=opt(Address(scope="read", answers={200: Page[QueryRow]}, refusals=(503,), query=PartQuery)),
    tags=["analytics"],
)
async def report_queries(request: AnyRequest) -> Response[bytes]:
    """Return queries and what became of them, most frequent first, a page at a time."""
    return await _answer_page(request, engine_of(request).insights.queries)


@get(
    f"{PATH}/documents",
    opt=opt(
        Address(scope="read", answers={200: Page[DocumentRow]}, refusals=(503,), query=PartQuery)
    ),
    tags=["analytics"],
)
async def report_documents(request: AnyRequest) -> Response[bytes]:
    """Return documents and what became of them, most clicked first, a page at a time."""
    return await _answer_page(request, engine_of(request).insights.documents)


@get(
    f"{PATH}/health",
    opt=opt(Address(scope="read", answers={200: Health}, refusals=(503,), query=SignalQuery)),
    tags=["analytics"],
)
async def report_health(request: AnyRequest) -> Response[bytes]:
    """Examine whether the instrumentation is sound, worst findings first."""
    return await _answer_whole(request, engine_of(request).insights.health)


async def _answer_whole(request: AnyRequest, ask: Callable[..., Any]) -> Response[bytes]:
    """Answer with everything at once."""
    query = query_of(request, SignalQuery)
    return await answer_about(request, query, ask)


async def _answer_page(request: AnyRequest, ask: Callable[..., Any]) -> Response[bytes]:
    """Answer with one page."""
    query = query_of(request, PartQuery)
    return await answer_about(request, query, ask, PageRequest(query.page, query.page_size))


async def answer_about(
    request: AnyRequest, query: WindowQuery, ask: Callable[..., Any], *page: PageRequest
) -> Response[bytes]:
    """Wait for the store, ask, and say `behind` where the answer is stale."""
    behind = await wait_for_store(engine_of(request), allow_stale=query.allow_stale)
    window = query.to_window(now_of(request))
    named = read_step(request, "retriever_id")
    answer = await in_thread(ask, None if named == EVERY else named, window, *page)
    if behind is not None:
        answer = {**msgspec.to_builtins(answer), "behind": behind}
    return Response(msgspec.json.encode(answer), media_type="application/json")


HANDLERS: Final = [
    report_signals,
    report_performance,
    report_positions,
    report_queries,
    report_documents,
    report_health,
]
"""Every address of this module."""
