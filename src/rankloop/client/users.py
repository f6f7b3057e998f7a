"""Users: what is held about one, and its erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rankloop.client.calls import Call, Operation, encode, quote_step, read_json
from rankloop.client.records import Receipt, UserData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rankloop.client.calling import AsyncCaller, Caller


def _export(user_id: str) -> Operation[UserData]:
    """Build the request for everything about one user."""
    return Operation(Call("GET", f"/v1/users/{quote_step(user_id)}/export"), read_json(UserData))


def _erase(user_ids: str | Sequence[str]) -> Operation[Receipt]:
    """Build the request that erases users."""
    many = [user_ids] if isinstance(user_ids, str) else list(user_ids)
    call = Call("POST", "/v1/users/erase", body=encode({"user_ids": many}))
    return Operation(call, read_json(Receipt))


class Users:
    """The people behind the interactions: `loop.users`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def export(self, user_id: str) -> UserData:
        """Return everything held about one user, by plain id or pseudonym."""
        return self._caller.run(_export(user_id))

    def erase(self, user_ids: str | Sequence[str]) -> Receipt:
        """Erase everything held about one or more users, for good.

        Args:
            user_ids: Plain ids or pseudonyms; one or many.

        Returns:
            What was removed, per table. Erasing an unknown user removes nothing and is no error.
        """
        return self._caller.run(_erase(user_ids))


class AsyncUsers:
    """The same for asynchronous code; see `Users`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def export(self, user_id: str) -> UserData:
        """Return everything held about one user, by plain id or pseudonym."""
        return await self._caller.run(_export(user_id))

    async def erase(self, user_ids: str | Sequence[str]) -> Receipt:
        """Erase everything held about one or more users, for good."""
        return await self._caller.run(_erase(user_ids))
