"""Checked rows as the journal has them: written down at once, portion by portion.

Rows are objects, and a batch of thousands of them is larger than a processor's cache. A few hundred
items are decoded, checked and written before the next are looked at: 3.9 instead of 5.6
microseconds an interaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from rankloop.events.identity import to_search_identity
from rankloop.events.rows import InteractionRow, SearchRow
from rankloop.events.verdicts import Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rankloop.capture.checks import Checked

Row = TypeVar("Row", InteractionRow, SearchRow)

_PORTION_ITEMS: Final = 128
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """Rows of one kind, in the order sent."""

    names: list[str]
    """Identifiers as the ledger knows them: `to_search_identity` for searches."""

    client_named: list[bool]
    """Per row, whether the client made the identifier; only those can be retries."""

    lines: bytes
    """NDJSON of the rows, each ended by a newline."""

    def pick_lines(self, places: Sequence[int]) -> bytes:
        r"""Return the lines of some rows.

        Example:
            >>> WrittenRows(["a", "b"], [True, True], b'{"n":1}\n{"n":2}\n').pick_lines([1])
            b'{"n":2}\n'
        """
        lines = self.lines.splitlines(keepends=True)
        return b"".join([lines[place] for place in places])


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a batch: rows written down, and a verdict for each item that is not."""

    written: WrittenRows
    row_indexes: list[int]
    """Place in the batch of each row."""
    rejected: list[Rejection]


def write_interactions(checked: Checked[InteractionRow]) -> WrittenRows:
    """Write interactions down."""
    rows = checked.rows
    names = [row.interaction_id for row in rows]
    return WrittenRows(names, checked.client_named, _encoder.encode_lines(rows))


def write_searches(checked: Checked[SearchRow]) -> WrittenRows:
    """Write searches down."""
    rows = checked.rows
    names = [to_search_identity(row.search_id, row.page_offset) for row in rows]
    return WrittenRows(names, checked.client_named, _encoder.encode_lines(rows))


def judge(
    items: Sequence[bytes | msgspec.Raw],
    check: Callable[[Sequence[bytes | msgspec.Raw]], Checked[Row]],
    write: Callable[[Checked[Row]], WrittenRows],
) -> Judged:
    """Check a batch of any size, and write down what is good.

    Args:
        items: JSON texts, one event each.
        check: The law on this kind of event.
        write: The one of the two above for this kind.
    """
    names: list[str] = []
    client_named: list[bool] = []
    lines: list[bytes] = []
    row_indexes: list[int] = []
    rejected: list[Rejection] = []
    for first in range(0, len(items), _PORTION_ITEMS):
        checked = check(items[first : first + _PORTION_ITEMS])
        written = write(checked)
        names += written.names
        client_named += written.client_named
        lines.append(written.lines)
        row_indexes += [first + index for index in checked.row_indexes]
        rejected += [
            Rejection(first + one.index, one.code, one.pointer, one.detail)
            for one in checked.rejected
        ]
    return Judged(WrittenRows(names, client_named, b"".join(lines)), row_indexes, rejected)
