"""Searches: tell which lists another engine showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from rankloop.client.batches import SEARCHES, plan_many, to_line
from rankloop.client.calls import Call, Operation, read_json
from rankloop.client.records import CreatedSearch, SearchFields, Verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rankloop.client.calling import AsyncCaller, Caller


def _create(fields: Mapping[str, Any]) -> Operation[CreatedSearch]:
    """Build the request that tells of one search."""
    line = to_line(SEARCHES, 0, fields)
    return Operation(Call("POST", SEARCHES.path, body=line.text), read_json(CreatedSearch))


class Searches:
    """Lists that were shown: `loop.searches`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def create(self, **fields: Unpack[SearchFields]) -> CreatedSearch:
        """Record one list shown once; it is durable when this returns.

        Args:
            **fields: `query` and whatever else is known; see `SearchFields`. `results` in shown
                order; an empty list found nothing, an absent one is unknown.

        Returns:
            The `search_id` to send with each interaction, and the verdict.

        Raises:
            EventError: A field is wrong; `where` points at it.
            UnavailableError: The server cannot take it now.
        """
        return self._caller.run(_create(fields))

    def create_many(self, rows: Iterable[Mapping[str, Any]]) -> Verdicts:
        """Record many lists, in batches, with one verdict each.

        Args:
            rows: Mappings with the fields of `create`; read once, as they are needed.

        Raises:
            PartlySentError: The server went away in the middle; it says what is left.
        """
        return self._caller.follow(plan_many(SEARCHES, rows))


class AsyncSearches:
    """The same for asynchronous code; see `Searches`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def create(self, **fields: Unpack[SearchFields]) -> CreatedSearch:
        """Record one list shown once; it is durable when this returns."""
        return await self._caller.run(_create(fields))

    async def create_many(self, rows: Iterable[Mapping[str, Any]]) -> Verdicts:
        """Record many lists, in batches, with one verdict each."""
        return await self._caller.follow(plan_many(SEARCHES, rows))
