"""The journal: where an event is safe before its sender hears that it was taken.

SQLite in WAL mode with `synchronous=FULL`: a commit that returned survives a killed process and a
power cut. One row holds what a group of requests brought, as NDJSON, numbered in ascending order.
Numbers are never used twice, because the store remembers the last one it took.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from rankloop.errors import UnavailableError
from rankloop.events.identity import to_search_identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entries (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  n_searches INTEGER NOT NULL,
  n_interactions INTEGER NOT NULL,
  searches BLOB NOT NULL,
  interactions BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS quarantine (
  sequence INTEGER NOT NULL,
  kind TEXT NOT NULL,
  line BLOB NOT NULL,
  reason TEXT NOT NULL
);
"""
_INSERT: Final = (
    "INSERT INTO entries (n_searches, n_interactions, searches, interactions) VALUES (?, ?, ?, ?)"
)

_PAGE_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class Entry:
    """What one commit brought: NDJSON of rows, each line ended by a newline."""

    sequence: int
    n_searches: int
    n_interactions: int
    searches: bytes
    interactions: bytes


@dataclass(frozen=True, slots=True)
class EntryNames:
    """The identifiers that one entry holds."""

    sequence: int
    searches: list[str]
    """As `to_search_identity` writes them."""
    interactions: list[str]


class _SearchName(msgspec.Struct):
    search_id: str
    page_offset: int = 0


class _InteractionName(msgspec.Struct):
    interaction_id: str


_search_names = msgspec.json.Decoder(_SearchName)
_interaction_names = msgspec.json.Decoder(_InteractionName)


@dataclass(frozen=True, slots=True)
class JournalConfig:
    """Settings of the journal."""

    max_bytes: int = 2_147_483_648
    """Most undelivered bytes; beyond, appending raises `UnavailableError`."""


class Journal:
    """An append-only file of accepted events; one object a thread.

    Args:
        path: The SQLite file; made if absent.
        config: Its bound.

    Example:
        >>> import pathlib, tempfile
        >>> journal = Journal(pathlib.Path(tempfile.mkdtemp()) / "journal.db")
        >>> journal.append(b"", 0, b'{"interaction_id":"i1"}', 1)
        1
        >>> [entry.interactions for entry in journal.read(after=0)]
        [b'{"interaction_id":"i1"}']
        >>> journal.close()
    """

    def __init__(self, path: Path, config: JournalConfig | None = None) -> None:
        self.path = path
        self._config = config or JournalConfig()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # Entries are long: larger pages are fewer to chain, check and copy. Old files keep theirs.
        self._connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        # Free pages are used again, not wiped each time: `scrub` leaves none.
        self._connection.execute("PRAGMA secure_delete=OFF")
        self._connection.execute("PRAGMA temp_store=MEMORY")
        self._connection.execute("PRAGMA busy_timeout=10000")
        self._connection.executescript(_SCHEMA)
        self._pending_bytes = self._measure()
        self._trimmed_through = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes taken and not yet trimmed."""
        return self._pending_bytes

    def append(
        self,
        searches: bytes,
        n_searches: int,
        interactions: bytes,
        n_interactions: int,
        *,
        trim_through: int = 0,
    ) -> int:
        """Write one entry durably and return its sequence.

        Args:
            searches: NDJSON of search rows, may be empty.
            n_searches: How many they are.
            interactions: NDJSON of interaction rows, may be empty.
            n_interactions: How many they are.
            trim_through: Forget entries up to this sequence in the same commit; 0 for none.

        Raises:
            UnavailableError: The journal is at its bound or the disk refuses; nothing was kept.
        """
        size = len(searches) + len(interactions)
        if self._pending_bytes + size > self._config.max_bytes:
            # What the store has by now counts no longer; without this a full journal stays full.
            self.trim(trim_through)
        if self._pending_bytes + size > self._config.max_bytes:
            raise UnavailableError(
                "the journal is full: the store takes events more slowly than they come",
                hint="Send the same batch again later; nothing of it was kept.",
            )
        values = (n_searches, n_interactions, searches, interactions)
        with self._writing():
            if trim_through > self._trimmed_through:
                self._connection.execute("BEGIN IMMEDIATE")
                freed = self._forget(trim_through)
                cursor = self._connection.execute(_INSERT, values)
                self._connection.execute("COMMIT")
                self._note_trimmed(trim_through, freed)
            else:
                # A statement by itself is a transaction, and gives the interpreter up only once.
                cursor = self._connection.execute(_INSERT, values)
        self._pending_bytes += size
        return int(cursor.lastrowid or 0)

    def read(self, after: int, max_bytes: int = 16 * 1024 * 1024) -> list[Entry]:
        """Return the entries after a sequence, in order, about `max_bytes` of them."""
        entries: list[Entry] = []
        size = 0
        for row in self._connection.execute(
            "SELECT sequence, n_searches, n_interactions, searches, interactions"
            " FROM entries WHERE sequence > ? ORDER BY sequence",
            (after,),
        ):
            entries.append(Entry(*row))
            size += len(row[3]) + len(row[4])
            if size >= max_bytes:
                break
        return entries

    def iter_names(self, after: int) -> Iterator[EntryNames]:
        """Yield the identifiers in the entries after a sequence, for a start after a crash."""
        for entry in self.read(after, max_bytes=self._config.max_bytes + 1):
            yield EntryNames(
                entry.sequence,
                [
                    to_search_identity(name.search_id, name.page_offset)
                    for name in _search_names.decode_lines(entry.searches)
                ],
                [
                    name.interaction_id
                    for name in _interaction_names.decode_lines(entry.interactions)
                ],
            )

    def last_sequence(self) -> int:
        """Return the highest sequence ever given, 0 for none."""
        row = self._connection.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'entries'"
        ).fetchone()
        return int(row[0]) if row else 0

    def trim(self, through: int) -> None:
        """Forget the entries up to a sequence: the store has them.

        Raises:
            UnavailableError: The disk refuses; nothing was forgotten.
        """
        with self._writing():
            self._connection.execute("BEGIN IMMEDIATE")
            freed = self._forget(through)
            self._connection.execute("COMMIT")
        self._note_trimmed(through, freed)

    def skip_to(self, sequence: int) -> None:
        """Never give a sequence up to this one: the store has taken it from an earlier file."""
        if self.last_sequence() < sequence:
            self._connection.execute("DELETE FROM sqlite_sequence WHERE name = 'entries'")
            self._connection.execute(
                "INSERT INTO sqlite_sequence VALUES ('entries', ?)", (sequence,)
            )

    def quarantine(self, sequence: int, kind: str, line: bytes, reason: str) -> None:
        """Keep a line that the store cannot read, so that it blocks nothing and is not lost."""
        self._connection.execute(
            "INSERT INTO quarantine VALUES (?, ?, ?, ?)", (sequence, kind, line, reason)
        )

    def count_quarantined(self) -> int:
        """Return how many lines the store could not read."""
        row = self._connection.execute("SELECT count(*) FROM quarantine").fetchone()
        return int(row[0])

    def scrub(self) -> None:
        """Leave nothing of trimmed entries: no free page in the file, no log beside it.

        Raises:
            UnavailableError: The disk refuses; traces may be left.
        """
        with self._writing():
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Undo what the disk refused half way, and say so in our words."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
            raise UnavailableError(f"the journal cannot be written: {name}") from error

    def _note_trimmed(self, through: int, freed: int) -> None:
        """Keep in mind what was forgotten with the last commit."""
        self._trimmed_through = max(self._trimmed_through, through)
        self._pending_bytes -= freed

    def _forget(self, through: int) -> int:
        """Delete entries up to a sequence within the open transaction; return their bytes."""
        if through <= 0:
            return 0
        freed = self._measure(through)
        if freed:
            self._connection.execute("DELETE FROM entries WHERE sequence <= ?", (through,))
        return freed

    def _measure(self, through: int = 2**62) -> int:
        """Return the bytes of the entries up to a sequence."""
        row = self._connection.execute(
            "SELECT coalesce(sum(length(searches) + length(interactions)), 0) FROM entries"
            " WHERE sequence <= ?",
            (through,),
        ).fetchone()
        return int(row[0])
