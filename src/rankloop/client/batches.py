"""Many rows in one request: cut into batches that fit, with an identifier for every row."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from rankloop.client.calls import NDJSON, Call, Operation, encode, read_json
from rankloop.client.records import Rejection, Verdicts
from rankloop.errors import InputError, TooLargeError, UnavailableError
from rankloop.events.identity import make_uuid7s

MAX_ITEMS: Final = 5_000
"""Most rows of one request; the server takes 10,000."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""Most bytes of one request; the server takes 5 MiB."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is sent, where to, and which field names it."""

    path: str
    identifier: str
    makes_identifiers: bool = True
    """Whether a row without one gets one here; else the server says that it is missing."""
    max_items: int = MAX_ITEMS
    """Most rows of one request."""


INTERACTIONS: Final = Kind("/v1/retrievers/interactions/batch", "interaction_id")
SEARCHES: Final = Kind("/v1/searches", "search_id")


@dataclass(frozen=True, slots=True)
class Line:
    """One row, ready to be sent."""

    index: int
    """Place among the rows given, from 0."""
    identifier: str
    text: bytes
    """JSON without a line break at its end."""


class BatchAnswer(msgspec.Struct):
    """The server's verdict on one batch."""

    accepted: int
    duplicate: int
    rejected: list[Rejection]
    duplicates: list[int] = []
    """Places in the batch of the duplicates, from servers that say so."""


class PartlySentError(UnavailableError):
    """The server went away in the middle of `create_many`.

    Attributes:
        verdicts: What became of the rows up to there.
        unsent: The rows of the batch that got no answer, each with its identifier, so that
            sending these again is safe. The rows after them were not touched.
    """

    def __init__(
        self, message: str, *, verdicts: Verdicts, unsent: list[dict[str, Any]], hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.verdicts = verdicts
        self.unsent = unsent


@dataclass(slots=True)
class _Tally:
    """Verdicts as they come in."""

    accepted: int = 0
    duplicate: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    identifiers: list[str] = field(default_factory=list)
    duplicate_indexes: list[int] = field(default_factory=list)

    def add(self, lines: Sequence[Line], answer: BatchAnswer) -> None:
        """Count one batch, its places turned into those of the rows given."""
        self.accepted += answer.accepted
        self.duplicate += answer.duplicate
        self.duplicate_indexes += [lines[place].index for place in answer.duplicates]
        for refused in answer.rejected:
            self.refuse(lines[refused.index].index, refused.code, refused.detail, refused.pointer)

    def refuse(self, index: int, code: str, detail: str, pointer: str = "") -> None:
        """Count one row that was not taken."""
        rejection = Rejection(index=index, code=code, pointer=pointer, detail=detail)
        self.rejected.append(rejection)

    def to_verdicts(self, n_rows: int) -> Verdicts:
        """Return the verdicts on the first rows."""
        return Verdicts(
            accepted=self.accepted,
            duplicate=self.duplicate,
            rejected=sorted(self.rejected, key=lambda rejection: rejection.index),
            identifiers=self.identifiers[:n_rows],
            duplicate_indexes=sorted(self.duplicate_indexes),
        )


def to_line(kind: Kind, index: int, row: Mapping[str, Any]) -> Line:
    """Write one row down, with an identifier if it has none.

    Raises:
        InputError: The row is not a mapping, or holds what JSON cannot.

    Example:
        >>> to_line(INTERACTIONS, 0, {"interaction_id": "i1", "position": 3}).text
        b'{"interaction_id":"i1","position":3}'
    """
    if not isinstance(row, Mapping):
        raise InputError(f"a row is a mapping of fields, not {type(row).__name__}")
    given = row.get(kind.identifier)
    if given is None and not kind.makes_identifiers:
        given = ""
    elif given is None:
        given = make_uuid7s(1)[0]
        row = {**row, kind.identifier: given}
    return Line(index, str(given), encode({k: v for k, v in row.items() if v is not None}))


def plan_many(
    kind: Kind, rows: Iterable[Mapping[str, Any]]
) -> Generator[Operation[BatchAnswer], BatchAnswer, Verdicts]:
    """Ask for one batch after the other; a batch that is too large is cut in half.

    Raises:
        PartlySentError: No answer came for a batch.
    """
    tally = _Tally()
    for batch in _iter_batches(kind, _iter_lines(kind, rows, tally)):
        waiting = [batch]
        while waiting:
            lines = waiting.pop()
            try:
                answer = yield send_lines(kind, lines)
            except TooLargeError as error:
                if len(lines) == 1:
                    tally.refuse(lines[0].index, error.code, str(error))
                else:
                    middle = len(lines) // 2
                    waiting += [lines[middle:], lines[:middle]]
            except UnavailableError as error:
                unsent = [line for part in (lines, *reversed(waiting)) for line in part]
                raise PartlySentError(
                    str(error),
                    verdicts=tally.to_verdicts(unsent[0].index),
                    unsent=[msgspec.json.decode(line.text) for line in unsent],
                    hint="Send `error.unsent` again, then the rows after them.",
                ) from error
            else:
                tally.add(lines, answer)
    return tally.to_verdicts(len(tally.identifiers))


def send_lines(kind: Kind, lines: Sequence[Line]) -> Operation[BatchAnswer]:
    """Build the request for one batch."""
    body = b"\n".join([line.text for line in lines]) + b"\n"
    call = Call("POST", kind.path, body=body, content_type=NDJSON)
    return Operation(call, read_json(BatchAnswer))


def _iter_lines(kind: Kind, rows: Iterable[Mapping[str, Any]], tally: _Tally) -> Iterator[Line]:
    """Write the rows down; those that cannot be are refused here and now."""
    for index, row in enumerate(rows):
        try:
            line = to_line(kind, index, row)
        except InputError as error:
            tally.identifiers.append("")
            tally.refuse(index, error.code, str(error))
        else:
            tally.identifiers.append(line.identifier)
            yield line


def _iter_batches(kind: Kind, lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Gather lines as long as they fit into one request."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        if batch and (len(batch) >= kind.max_items or size + len(line.text) > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.text) + 1
    if batch:
        yield batch
