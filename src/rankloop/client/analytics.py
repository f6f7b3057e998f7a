"""Analytics: what is going on, as objects."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, Unpack

from rankloop.client.calls import Call, Operation, quote_step, read_json
from rankloop.errors import InputError
from rankloop.tables.engagement import DocumentRow, QueryRow
from rankloop.tables.health import Health
from rankloop.tables.overview import PositionRow
from rankloop.tables.pages import Page
from rankloop.tables.pairs import QueryDocumentPairs
from rankloop.tables.signals import Performance, Signals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rankloop.client.calling import AsyncCaller, Caller

T = TypeVar("T")

_LAST_DAYS: Final = re.compile(r"last_([1-9]\d{0,4})_days?")


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


DateRange = str | tuple[datetime | date | str, datetime | date | str] | None
"""`last_30_days`, a start and an end that is no longer part of it, or None for everything."""


def _ask_pairs(
    date_range: DateRange, min_interactions: int, retriever_id: str | None
) -> Operation[QueryDocumentPairs]:
    """Build the request for training pairs."""
    parameters = {
        **_read_range(date_range),
        "min_interactions": min_interactions,
        "retriever_id": retriever_id,
    }
    return Operation(Call("GET", "/v1/analytics/pairs", parameters), read_json(QueryDocumentPairs))


def _read_range(date_range: DateRange) -> dict[str, Any]:
    """Turn a range of dates into parameters.

    Raises:
        InputError: It is none of the forms.
    """
    if date_range is None:
        return {}
    if isinstance(date_range, str):
        days = _LAST_DAYS.fullmatch(date_range)
        if days is not None:
            return {"days": int(days[1])}
    elif len(date_range) == 2:
        return {
            name: moment.isoformat() if isinstance(moment, date) else moment
            for name, moment in zip(("start", "end"), date_range, strict=True)
        }
    raise InputError(
        f"date_range {date_range!r} cannot be read",
        where="date_range",
        hint="Use last_30_days, or a pair of start and end, or None for everything.",
    )


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

    def get_query_document_pairs(
        self,
        date_range: DateRange = None,
        min_interactions: int = 2,
        retriever_id: str | None = None,
    ) -> QueryDocumentPairs:
        """Return contrastive training pairs: queries with documents that serve them and do not.

        Position is taken out where the log tells it; `evidence` says so for each pair. `yields`
        says what became of the other candidates, and how much data is missing.

        Args:
            date_range: `last_30_days` (any number), a pair of start and end, or None for
                everything. The end is no longer part of it.
            min_interactions: Distinct people who clicked a positive: users, else sessions.
            retriever_id: Whose lists; the only retriever when left out.

        Raises:
            InputError: There are several retrievers and none is named, or the range is none.
        """
        return self._caller.run(_ask_pairs(date_range, min_interactions, retriever_id))

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

    async def get_query_document_pairs(
        self,
        date_range: DateRange = None,
        min_interactions: int = 2,
        retriever_id: str | None = None,
    ) -> QueryDocumentPairs:
        """Return contrastive training pairs."""
        return await self._caller.run(_ask_pairs(date_range, min_interactions, retriever_id))

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
