"""Where an identifier is stored: sorted runs of hashes and keys beside the database.

To look a hundred identifiers up among twenty million by reading them takes the engine a second.
The runs take milliseconds. They are a cache made from the tables and nothing more: what they
lack is read from the tables, and what they say is checked there.
"""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rankloop.store.statements import compose, fetch_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb

    from rankloop.store.base import Kind

Hashes = NDArray[np.uint64]
RowKeys = NDArray[np.int64]

RUN_ROWS: Final = 1 << 20
"""Rows of a full run: 16 MiB on disk, and the most that is held in memory."""

_DIGEST_BYTES: Final = 16

_PIECE_ROWS: Final = 1 << 18
"""Rows read from the tables at a time."""

WORTH_A_FILE_ROWS: Final = 1 << 16
"""From how many new rows on a run is written when the store closes, however short."""

_PAGE_ROWS: Final = 512
_READ_ALL_SHARE: Final = 8
"""A run is read as a whole once every eighth of its pages would be touched."""

SOURCES: Final[dict[str, tuple[str, str, str]]] = {
    "interaction": ("interactions", "interaction_key", "interaction_id"),
    "search": ("searches", "search_key", "search_id || chr(31) || page_offset"),
}
"""Table, key and identifier of each kind."""


def to_hashes(identifiers: Sequence[str]) -> Hashes:
    """Hash identifiers as the engine's `md5_number_lower` does: MD5's last eight bytes.

    So a filter is filled from the store without taking a single identifier out of it.

    Example:
        >>> int(to_hashes(["a"])[0])
        7000413967451013937
    """
    md5 = hashlib.md5
    digests = b"".join([md5(text.encode(), usedforsecurity=False).digest() for text in identifiers])
    return np.frombuffer(digests, dtype="<u8").reshape(-1, 2)[:, 1].astype(np.uint64)


@dataclass(frozen=True, slots=True)
class MemoryRun:
    """Some rows in memory, sorted by hash."""

    hashes: Hashes
    """`[n]` uint64, ascending."""

    keys: RowKeys
    """`[n]` int64, the key of each hash's row."""

    @classmethod
    def sort(cls, hashes: Hashes, keys: RowKeys) -> MemoryRun:
        """Sort rows by hash."""
        order = np.argsort(hashes, kind="stable")
        return cls(hashes[order], keys[order])

    @property
    def n_rows(self) -> int:
        """How many rows."""
        return self.hashes.size

    def find(self, wanted: Hashes) -> RowKeys:
        """Return the keys of rows whose hash is among those wanted."""
        places = np.minimum(np.searchsorted(self.hashes, wanted), self.n_rows - 1)
        keys: RowKeys = self.keys[places[self.hashes[places] == wanted]]
        return keys


@dataclass(frozen=True, slots=True)
class DiskRun:
    """Some rows in a file: hashes ascending, then their keys; every 512th hash in memory."""

    path: Path
    """The file."""

    n_rows: int
    """How many rows."""

    firsts: Hashes = field(repr=False)
    """`[n_pages]` uint64, the first hash of each page."""

    @classmethod
    def open(cls, path: Path) -> DiskRun:
        """Open a run that was written before."""
        n_rows = path.stat().st_size // 16
        hashes = np.memmap(path, dtype="<u8", mode="r", shape=(n_rows,))
        return cls(path, n_rows, np.array(hashes[::_PAGE_ROWS], dtype=np.uint64))

    @classmethod
    def write(cls, path: Path, run: MemoryRun) -> DiskRun:
        """Write a run so that it appears whole or not at all."""
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            file.write(run.hashes.astype("<u8").tobytes())
            file.write(run.keys.astype("<i8").tobytes())
        os.replace(part, path)
        return cls(path, run.n_rows, run.hashes[::_PAGE_ROWS].copy())

    def load(self) -> MemoryRun:
        """Read the whole run."""
        values = np.fromfile(self.path, dtype="<u8")
        return MemoryRun(
            values[: self.n_rows].astype(np.uint64), values[self.n_rows :].view(np.int64)
        )

    def find(self, wanted: Hashes) -> RowKeys:
        """Return the keys of rows whose hash is among those wanted."""
        pages = np.searchsorted(self.firsts, wanted, side="right") - 1
        if np.unique(pages).size * _READ_ALL_SHARE > self.firsts.size:
            return self.load().find(wanted)
        keys: list[int] = []
        with self.path.open("rb") as file:
            for page, wanted_hash in zip(pages.tolist(), wanted, strict=True):
                place = self._find_on_page(file.fileno(), page, wanted_hash)
                if place >= 0:
                    key = os.pread(file.fileno(), 8, (self.n_rows + place) * 8)
                    keys.append(int.from_bytes(key, "little"))
        return np.array(keys, dtype=np.int64)

    def _find_on_page(self, file: int, page: int, wanted: np.uint64) -> int:
        """Return the place of a hash in the run, -1 where the page does not hold it."""
        if page < 0:
            return -1
        first = page * _PAGE_ROWS
        size = min(_PAGE_ROWS, self.n_rows - first) * 8
        hashes = np.frombuffer(os.pread(file, size, first * 8), "<u8")
        place = int(np.searchsorted(hashes, wanted))
        return first + place if place < hashes.size and hashes[place] == wanted else -1


class IdentifierIndex:
    """The runs of one kind of event.

    Args:
        kind: Whose identifiers.
        folder: Where full runs are kept; None keeps all in memory.
        last_key: The highest key in the tables: runs that know more are of another database.
    """

    def __init__(self, kind: Kind, folder: Path | None, last_key: int) -> None:
        self._kind = kind
        self._folder = folder
        self._lock = threading.Lock()
        self._full: list[DiskRun | MemoryRun] = []
        self._recent: list[MemoryRun] = []
        self._full_to = self._read_to = self._written_to = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._take_up(folder, last_key)

    def refresh(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Read what was stored since the last time."""
        with self._lock:
            for hashes, keys in read_hashes(cursor, self._kind, self._read_to):
                self._recent.append(MemoryRun.sort(hashes, keys))
                self._read_to = int(keys.max())
                self._settle()

    def find(self, hashes: Hashes) -> RowKeys:
        """Return keys of rows that may carry identifiers of these hashes."""
        with self._lock:
            runs = [*self._full, *self._recent]
        found = [run.find(hashes) for run in runs]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)

    def iter_hashes(self) -> Iterator[Hashes]:
        """Yield the hashes of every row, run by run."""
        with self._lock:
            runs = [*self._full, *self._recent]
        for run in runs:
            yield run.load().hashes if isinstance(run, DiskRun) else run.hashes

    def close(self) -> None:
        """Put away what is in memory, where it is worth a file."""
        with self._lock:
            if self._read_to - self._written_to >= WORTH_A_FILE_ROWS and self._recent:
                while len(self._recent) > 1:
                    self._recent[-2:] = [_merge(*self._recent[-2:])]
                self._put_away(self._recent.pop())

    def _take_up(self, folder: Path, last_key: int) -> None:
        """Open the runs on disk that join without a gap; the last ones, if short, in memory."""
        ranges = sorted((_to_range(path), path) for path in folder.glob(f"{self._kind}-*.run"))
        is_foreign = any(to > last_key for (_, to), _ in ranges)
        chain: list[DiskRun] = []
        for place, ((after, to), path) in enumerate(ranges):
            is_longest = place + 1 == len(ranges) or ranges[place + 1][0][0] != after
            if is_foreign or after != self._written_to or not is_longest:
                path.unlink()
                continue
            chain.append(DiskRun.open(path))
            self._read_to = self._written_to = to
        while chain and chain[-1].n_rows < RUN_ROWS // 2:
            self._recent.insert(0, chain.pop().load())
        self._full.extend(chain)
        self._full_to = _to_range(chain[-1].path)[1] if chain else 0

    def _settle(self) -> None:
        """Merge runs of like size, and put a full one away."""
        while len(self._recent) > 1 and self._recent[-2].n_rows < 2 * self._recent[-1].n_rows:
            self._recent[-2:] = [_merge(*self._recent[-2:])]
        if self._recent[0].n_rows >= RUN_ROWS:
            self._put_away(self._recent.pop(0))

    def _put_away(self, run: MemoryRun) -> None:
        """Keep a run in a file, and drop the shorter files that it replaces."""
        to = int(run.keys.max())
        if self._folder is None:
            self._full.append(run)
        else:
            path = self._folder / f"{self._kind}-{self._full_to:015d}-{to:015d}.run"
            self._full.append(DiskRun.write(path, run))
            for other in self._folder.glob(f"{self._kind}-*.run"):
                if other != path and self._full_to <= _to_range(other)[0] < to:
                    other.unlink()
        self._full_to = to
        self._written_to = max(self._written_to, to)


def _to_range(path: Path) -> tuple[int, int]:
    """Read from a file's name which keys it holds: above the first, up to the second."""
    _, after, to = path.stem.split("-")
    return int(after), int(to)


def read_hashes(
    cursor: duckdb.DuckDBPyConnection, kind: Kind, after_key: int
) -> Iterator[tuple[Hashes, RowKeys]]:
    """Yield hashes and keys of stored rows with a key above `after_key`.

    Pieces ascend: no key of one is below a key of the piece before.
    """
    table, key, identifier = SOURCES[kind]
    find_next = compose("SELECT min({key}) FROM {table} WHERE {key} > $after", key=key, table=table)
    read = compose(
        "SELECT unhex(md5({identifier})) AS digest, {key} AS key FROM {table}"
        " WHERE {key} BETWEEN $first AND $last",
        identifier=identifier,
        key=key,
        table=table,
    )
    while True:
        first = fetch_row(cursor, find_next, {"after": after_key})[0]
        if first is None:
            return
        after_key = first + _PIECE_ROWS - 1
        rows = cursor.sql(read, params={"first": first, "last": after_key}).to_arrow_table()
        yield read_digests(rows.column("digest")), rows.column("key").to_numpy().astype(np.int64)


def read_digests(column: pa.ChunkedArray) -> Hashes:
    """Read the hashes off a column of MD5 digests, `unhex(md5(...))` in SQL.

    `md5_number_lower` would give them directly, and takes four times as long.
    """
    digests = column.cast(pa.binary(_DIGEST_BYTES)).combine_chunks()
    halves = np.frombuffer(digests.buffers()[1], dtype="<u8", count=2 * len(digests))
    return halves[1::2].astype(np.uint64)


def _merge(one: MemoryRun, two: MemoryRun) -> MemoryRun:
    """Make one sorted run of two."""
    return MemoryRun.sort(
        np.concatenate([one.hashes, two.hashes]), np.concatenate([one.keys, two.keys])
    )
