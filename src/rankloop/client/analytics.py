"""Analytics: what is going on, as objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from rankloop.client.calls import Call, Operation, quote_step, read_json
from rankloop.client.signals import Signals
from rankloop.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    from rankloop.client.calling import AsyncCaller, Caller


class SignalFilters(TypedDict, total=False):
    """Which part of the log to look at; everything when left out."""

    start: datetime | str
    end: datetime | str
    days: int
    segment: str
    """Such as `device:mobile`."""
    include_robots: bool
    allow_stale: bool


def _signals(retriever_id: str, filters: SignalFilters) -> Operation[Signals]:
    """Build the request for all signals of a retriever."""
    return Operation(_call(retriever_id, "signals", dict(filters)), read_json(Signals))


def _part(retriever_id: str, part: str, parameters: dict[str, Any]) -> Operation[dict[str, Any]]:
    """Build the request for one part of the signals."""
    return Operation(_call(retriever_id, part, parameters), read_json(dict[str, Any]))


def _call(retriever_id: str, part: str, parameters: dict[str, Any]) -> Call:
    if not retriever_id:
        raise InputError("retriever_id may not be empty", where="retriever_id")
    return Call("GET", f"/v1/analytics/retrievers/{quote_step(retriever_id)}/{part}", parameters)


class Analytics:
    """What is going on: `loop.analytics`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get_retriever_signals(self, retriever_id: str, **filters: Unpack[SignalFilters]) -> Signals:
        """Return every signal of one retriever in one answer.

        Args:
            retriever_id: Which retriever; `default` is that of events without one.
            **filters: Which part of the log; see `SignalFilters`.

        Returns:
            Overview, click-through by position, skipped documents, queries that need work, each
            rate with how much it rests on and its 95% interval.
        """
        return self._caller.run(_signals(retriever_id, filters))

    def get_part(self, retriever_id: str, part: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 as the API takes them
        """Return one part as the API answers it.

        Args:
            retriever_id: Which retriever.
            part: `performance`, `positions`, `queries`, `documents` or `health`.
            **parameters: Query parameters of that part.
        """
        return self._caller.run(_part(retriever_id, part, parameters))


class AsyncAnalytics:
    """The same for asynchronous code; see `Analytics`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def get_retriever_signals(
        self, retriever_id: str, **filters: Unpack[SignalFilters]
    ) -> Signals:
        """Return every signal of one retriever in one answer."""
        return await self._caller.run(_signals(retriever_id, filters))

    async def get_part(self, retriever_id: str, part: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 as the API takes them
        """Return one part as the API answers it."""
        return await self._caller.run(_part(retriever_id, part, parameters))
