"""Position bias: how likely each position is looked at, as an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from rankloop.client.calls import Call, Operation, quote_step, read_json
from rankloop.tables.bias import Bias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rankloop.client.calling import AsyncCaller, Caller


class BiasFilters(TypedDict, total=False):
    """Which part of the log to look at; everything when left out."""

    start: datetime | str
    end: datetime | str
    days: int
    segment: str
    """Such as `device:mobile` or `surface:app`."""
    allow_stale: bool


def _ask(retriever_id: str, filters: Mapping[str, Any]) -> Operation[Bias]:
    """Build the request for one retriever's position bias."""
    return Operation(Call("GET", f"/v1/bias/{quote_step(retriever_id)}", filters), read_json(Bias))


class PositionBias:
    """How likely each position is looked at: `loop.bias`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get(self, retriever_id: str, **filters: Unpack[BiasFilters]) -> Bias:
        """Estimate one retriever's position bias.

        Args:
            retriever_id: Which retriever; `default` is that of events without one, `-` all.
            **filters: Which part of the log; see `BiasFilters`.

        Returns:
            Propensities with their errors beside the naive curve. Where the log cannot tell, the
            status says so, no position has a propensity, and `advice` says what to do.
        """
        return self._caller.run(_ask(retriever_id, filters))


class AsyncPositionBias:
    """The same for asynchronous code; see `PositionBias`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def get(self, retriever_id: str, **filters: Unpack[BiasFilters]) -> Bias:
        """Estimate one retriever's position bias."""
        return await self._caller.run(_ask(retriever_id, filters))
