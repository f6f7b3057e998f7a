"""Interactions: tell what people did, and read it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from rankloop.client.batches import INTERACTIONS, plan_many, to_line
from rankloop.client.calls import Call, Operation, quote_step, read_json
from rankloop.client.listing import PATH, AsyncInteractionList, InteractionList
from rankloop.client.records import Interaction, InteractionFields, InteractionFilters, Verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rankloop.client.calling import AsyncCaller, Caller


def _create(fields: Mapping[str, Any]) -> Operation[Interaction]:
    """Build the request that tells of one interaction."""
    line = to_line(INTERACTIONS, 0, fields)
    return Operation(Call("POST", PATH, body=line.text), read_json(Interaction))


def _get(interaction_id: str) -> Operation[Interaction]:
    """Build the request for one interaction."""
    return Operation(Call("GET", f"{PATH}/{quote_step(interaction_id)}"), read_json(Interaction))


def _delete(interaction_id: str) -> Operation[None]:
    """Build the request that deletes one interaction."""
    path = f"{PATH}/{quote_step(interaction_id)}"
    # A repeated delete would answer 404 for a success whose answer was lost.
    return Operation(Call("DELETE", path, is_repeatable=False), lambda _: None)


class Interactions:
    """What people did: `loop.interactions`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def create(self, **fields: Unpack[InteractionFields]) -> Interaction:
        """Record one interaction; it is durable when this returns.

        An `interaction_id` is made where none is given, so a retry never counts twice.

        Args:
            **fields: `interaction_type` (one or many) and whatever else is known; see
                `InteractionFields`. `position` counts from 0.

        Returns:
            The interaction as stored, with `status` accepted or duplicate.

        Raises:
            EventError: A field is wrong; `where` points at it.
            UnavailableError: The server cannot take it now.
        """
        return self._caller.run(_create(fields))

    def create_many(self, rows: Iterable[Mapping[str, Any]]) -> Verdicts:
        """Record many interactions, in batches, with one verdict each.

        Args:
            rows: Mappings with the fields of `create`; read once, as they are needed.

        Raises:
            PartlySentError: The server went away in the middle; it says what is left.
        """
        return self._caller.follow(plan_many(INTERACTIONS, rows))

    def list(
        self, *, limit: int | None = None, **filters: Unpack[InteractionFilters]
    ) -> InteractionList:
        """List interactions, newest first, through all pages.

        Args:
            limit: At most so many; all when left out.
            **filters: What narrows; see `InteractionFilters`. `user_id` is the plain id or the
                pseudonym; `days` counts back from now.

        Returns:
            An iterable that asks for the next page when it is reached; iterating again asks again.
        """
        return InteractionList(self._caller, filters, limit)

    def get(self, interaction_id: str) -> Interaction:
        """Return one interaction.

        Raises:
            NotFoundError: There is none of that id.
        """
        return self._caller.run(_get(interaction_id))

    def delete(self, interaction_id: str) -> None:
        """Delete one interaction for good.

        Raises:
            NotFoundError: There is none of that id.
        """
        self._caller.run(_delete(interaction_id))


class AsyncInteractions:
    """The same for asynchronous code; see `Interactions`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def create(self, **fields: Unpack[InteractionFields]) -> Interaction:
        """Record one interaction; it is durable when this returns."""
        return await self._caller.run(_create(fields))

    async def create_many(self, rows: Iterable[Mapping[str, Any]]) -> Verdicts:
        """Record many interactions, in batches, with one verdict each."""
        return await self._caller.follow(plan_many(INTERACTIONS, rows))

    def list(
        self, *, limit: int | None = None, **filters: Unpack[InteractionFilters]
    ) -> AsyncInteractionList:
        """List interactions, newest first, through all pages: `async for` over it."""
        return AsyncInteractionList(self._caller, filters, limit)

    async def get(self, interaction_id: str) -> Interaction:
        """Return one interaction."""
        return await self._caller.run(_get(interaction_id))

    async def delete(self, interaction_id: str) -> None:
        """Delete one interaction for good."""
        await self._caller.run(_delete(interaction_id))
