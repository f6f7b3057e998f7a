"""What an address promises: who may call it, what it takes and what it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rankloop.api.filters import NoQuery

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Address:
    """The promise of one operation, kept by the gates and written into the description.

    Attributes:
        scope: What a key must allow; None where no key is asked for.
        answers: Shape of the answer by status; None where it has no body, `bytes` for a file.
        refusals: Statuses of its problem documents, apart from those that follow from the rest.
        query: Its query parameters.
        body: Shape of its body; None where it takes none.
        media: Content types of the answer.
        body_media: Content types that it takes.
    """

    scope: str | None
    answers: Mapping[int, Any]
    refusals: tuple[int, ...] = ()
    query: type[msgspec.Struct] = NoQuery
    body: Any = None
    media: tuple[str, ...] = (JSON,)
    body_media: tuple[str, ...] = (JSON,)

    @property
    def all_refusals(self) -> tuple[int, ...]:
        """Every status of its problem documents, ascending."""
        of_keys = () if self.scope is None else (401, 403)
        of_body = () if self.body is None else (413, 415)
        return tuple(sorted({400, *of_keys, *of_body, *self.refusals}))


def opt(address: Address) -> dict[str, Any]:
    """Attach a promise to a handler."""
    return {"address": address}
