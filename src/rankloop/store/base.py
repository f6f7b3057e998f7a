"""What every store of events promises, and the small records it speaks in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

Value = (
    None
    | bool
    | int
    | float
    | str
    | date
    | datetime
    | list[str]
    | list[int]
    | list[float]
    | list[date]
)
"""What a question's parameter may be; None where a filter is left out."""

Kind = Literal["interaction", "search"]
"""Whose identifiers are meant; a search's is `events.identity.to_search_identity`."""

Format = Literal["ndjson", "parquet", "csv"]
"""The forms an export may have."""

DERIVED_TABLES = {
    "credits": "interaction_day",
    "search_log": "day",
    "click_log": "day",
    "position_days": "day",
    "document_days": "day",
    "cell_days": "day",
    "cell_weeks": "week",
}
"""Tables that `Transaction.replace_days` may rewrite, and the column that says of which day."""


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Settings of a store in one file."""

    path: Path | None = None
    """The database file; None keeps everything in memory, for tests."""

    threads: int = 2
    """Most threads one question or append uses, 1 or more."""

    memory_limit_mib: int = 320
    """Most memory of the engine's buffers in MiB; what does not fit spills to disk."""

    checkpoint_mib: int = 16
    """Size of the write-ahead log in MiB at which the engine folds it into the file.

    Larger logs are folded in less often and hold appends up for longer: 0.15 s at 16 MiB, 0.6 s
    at 64 MiB.
    """

    def __post_init__(self) -> None:
        for name in ("threads", "memory_limit_mib", "checkpoint_mib"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} must be 1 or more", where=f"store.{name}")


@dataclass(frozen=True, slots=True)
class Appended:
    """What one append brought in."""

    searches: int = 0
    """Rows of lists shown."""

    impressions: int = 0
    """Rows of documents shown."""

    interactions: int = 0
    """Rows of what people did."""

    is_new: bool = True
    """False where the sequence had been delivered before, so that nothing was written."""


@dataclass(frozen=True, slots=True)
class Copied:
    """One export file as it was written."""

    n_rows: int
    """Rows in the file."""

    n_bytes: int
    """Size of the file."""

    sha256: str
    """Checksum of the file, hexadecimal."""


class Transaction(Protocol):
    """Questions and changes that become visible together or not at all."""

    def ask(self, question: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Answer a question as the transaction sees the store."""
        ...

    def replace_days(
        self,
        table: str,
        question: str,
        days: Sequence[date],
        parameters: Mapping[str, Value] | None = None,
    ) -> int:
        """Delete a derived table's rows of some days and insert a question's answer instead.

        The days are handed to the question as its parameter `days`; of a table by week they are
        Mondays.

        Returns:
            How many rows were inserted.
        """
        ...

    def delete_days(self, table: str, days: Sequence[date]) -> int:
        """Delete a derived table's rows of some days; say how many there were."""
        ...

    def read_days(self) -> list[date]:
        """List the days whose derived rows are stale, in order."""
        ...

    def mark_days(self, days: Sequence[date]) -> None:
        """Note days whose derived rows are stale."""
        ...

    def clear_days(self, days: Sequence[date]) -> None:
        """Forget that these days are stale."""
        ...

    def read_watermark(self, name: str) -> int:
        """Say up to which key something was derived; 0 where it never was."""
        ...

    def write_watermark(self, name: str, key: int) -> None:
        """Note up to which key something is derived."""
        ...


class Staging(Protocol):
    """A private place inside the store in which a file is transformed before it is taken in."""

    def execute(self, statement: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Run one statement of the engine's own dialect; make only TEMP tables."""
        ...

    def lend(self, name: str, rows: pa.Table) -> None:
        """Let statements read rows from outside by this name; nothing is copied."""
        ...

    def append(
        self,
        searches: str | None = None,
        impressions: str | None = None,
        interactions: str | None = None,
    ) -> Appended:
        """Take in staged tables in one transaction: keys are given, retrievers resolved.

        The columns are those of the stored tables without the keys; staged searches and
        impressions carry `list_number BIGINT`, which joins an impression to its list.
        """
        ...


class Snapshot(Protocol):
    """Several questions of one moment."""

    def ask(self, question: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Answer a question with what had been committed when the snapshot began."""
        ...


class EventStore(Protocol):
    """Where events are kept. Every call may come from any thread."""

    def append_lines(
        self, searches: bytes, interactions: bytes, *, sequence: int | None = None
    ) -> Appended:
        """Take in rows as NDJSON of `events.rows`, all or none.

        Args:
            searches: Lines of `SearchRow`; may be empty.
            interactions: Lines of `InteractionRow`; may be empty.
            sequence: The journal sequence the lines reach up to. One that was delivered before
                changes nothing; None leaves the mark where it is.
        """
        ...

    def check_lines(self, searches: bytes, interactions: bytes) -> None:
        """Raise `TableError` where rows cannot be taken in; keep nothing."""
        ...

    def delivered_sequence(self) -> int:
        """Say up to which journal sequence rows were delivered; 0 before the first."""
        ...

    def staging(self) -> AbstractContextManager[Staging]:
        """Open a private place in which a file is transformed; it is gone afterwards."""
        ...

    def ask(self, question: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Answer one question of `store/sql` with what was committed before.

        Parameters that are left out are NULL.

        Raises:
            InputError: No such question, or one of the parameters is not known to it.
        """
        ...

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Hold a moment, so that several questions answer alike; writers go on meanwhile."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a transaction; it commits at the end of the block, and not after an exception."""
        ...

    def known_identifiers(self, kind: Kind, identifiers: Sequence[str]) -> set[str]:
        """Say which of these identifiers are stored, or were erased."""
        ...

    def identifier_hashes(self, kind: Kind, after_key: int = 0) -> Iterator[NDArray[np.uint64]]:
        """Yield the lower half of each identifier's md5, in chunks, erased ones included."""
        ...

    def erase_user(self, user_key: str) -> dict[str, int]:
        """Delete everything about one user; say how many rows per table."""
        ...

    def delete_interaction(self, interaction_id: str) -> bool:
        """Delete one interaction; say whether there was one."""
        ...

    def copy_to(
        self,
        question: str,
        parameters: Mapping[str, Value] | None,
        path: Path,
        form: Format,
    ) -> Copied:
        """Write a question's answer into a file, which appears once it is whole."""
        ...

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file."""
        ...

    def close(self) -> None:
        """Let go of the file; the second call does nothing."""
        ...
