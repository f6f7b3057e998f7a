"""Analytics: what is going on, as objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from rankloop.client.calls import Call, Operation, quote_step, read_json
from rankloop.tables.engagement import DocumentRow, QueryRow
from rankloop.tables.health import Health
from rankloop.tables.overview import PositionRow
from rankloop.tables.pages import Page
from rankloop.tables.signals import Performance, Signals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rankloop.client.calling import AsyncCaller, Caller

T = TypeVar("T")


class SignalFilters(TypedDict, total=False):
    """Which part of the log to look at; everything when left out."""

    start: datetime | str
    end: datetime | str
    days: int
    segment: str
    """Such as `device:mobile` or `surface:app`."""
    include_robots: bool
    allow_stale: bool


class PartFilters(SignalFilters, total=False):
    """The same, and which page of it."""

    page: int
    """From 1."""
    page_size: int
    """Up to 1,000."""


def _ask(retriever_id: str, part: str, filters: Mapping[str, Any], kind: type[T]) -> Operation[T]:
    """Build the request for one part of what is known about a retriever."""
    path = f"/v1/analytics/retrievers/{quote_step(retriever_id)}/{part}"
    return Operation(Call("GET", path, filters), read_json(kind))


class Analytics:
    """What is going on: `loop.analytics`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get_retriever_signals(self, retriever_id: str, **filters: Unpack[SignalFilters]) -> Signals:
        """Return every signal of one retriever in one answer.

        Args:
            retriever_id: Which retriever; `default` is that of events without one, `-` all.
            **filters: Which part of the log; see `SignalFilters`.

        Returns:
            Overview, click-through by position, skipped documents, queries that need work, each
            rate with how much it rests on and its 95% interval.
        """
        return self._caller.run(_ask(retriever_id, "signals", filters, Signals))

    def get_performance(self, retriever_id: str, **filters: Unpack[PartFilters]) -> Performance:
        """Return the overview and a page of days, newest first."""
        return self._caller.run(_ask(retriever_id, "performance", filters, Performance))

    def get_positions(self, retriever_id: str, **filters: Unpack[PartFilters]) -> Page[PositionRow]:
        """Return a page of positions, from 0 on."""
        return self._caller.run(_ask(retriever_id, "positions", filters, Page[PositionRow]))

    def get_queries(self, retriever_id: str, **filters: Unpack[PartFilters]) -> Page[QueryRow]:
        """Return a page of queries, most frequent first."""
        return self._caller.run(_ask(retriever_id, "queries", filters, Page[QueryRow]))

    def get_documents(self, retriever_id: str, **filters: Unpack[PartFilters]) -> Page[DocumentRow]:
        """Return a page of documents, most clicked first."""
        return self._caller.run(_ask(retriever_id, "documents", filters, Page[DocumentRow]))

    def get_health(self, retriever_id: str, **filters: Unpack[SignalFilters]) -> Health:
        """Examine whether the instrumentation is sound; worst findings first."""
        return self._caller.run(_ask(retriever_id, "health", filters, Health))

    def get_part(self, retriever_id: str, part: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 as the address takes them
        """Return any part as plain dictionaries and lists, as the API wrote it."""
        return self._caller.run(_ask(retriever_id, part, parameters, dict[str, Any]))


class AsyncAnalytics:
    """The same for asynchronous code; see `Analytics`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def get_retriever_signals(
        self, retriever_id: str, **filters: Unpack[SignalFilters]
    ) -> Signals:
        """Return every signal of one retriever in one answer."""
        return await self._caller.run(_ask(retriever_id, "signals", filters, Signals))

    async def get_performance(
        self, retriever_id: str, **filters: Unpack[PartFilters]
    ) -> Performance:
        """Return the overview and a page of days, newest first."""
        return await self._caller.run(_ask(retriever_id, "performance", filters, Performance))

    async def get_positions(
        self, retriever_id: str, **filters: Unpack[PartFilters]
    ) -> Page[PositionRow]:
        """Return a page of positions, from 0 on."""
        return await self._caller.run(_ask(retriever_id, "positions", filters, Page[PositionRow]))

    async def get_queries(
        self, retriever_id: str, **filters: Unpack[PartFilters]
    ) -> Page[QueryRow]:
        """Return a page of queries, most frequent first."""
        return await self._caller.run(_ask(retriever_id, "queries", filters, Page[QueryRow]))

    async def get_documents(
        self, retriever_id: str, **filters: Unpack[PartFilters]
    ) -> Page[DocumentRow]:
        """Return a page of documents, most clicked first."""
        return await self._caller.run(_ask(retriever_id, "documents", filters, Page[DocumentRow]))

    async def get_health(self, retriever_id: str, **filters: Unpack[SignalFilters]) -> Health:
        """Examine whether the instrumentation is sound; worst findings first."""
        return await self._caller.run(_ask(retriever_id, "health", filters, Health))
