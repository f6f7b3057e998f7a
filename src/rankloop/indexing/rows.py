"""Which row each document has, and a matrix of unit vectors by row, mapped into memory.

An index answers for the vectors of a hundred candidates on every request; out of the shard that
takes a millisecond and a half, most of it making lists of numbers, out of this matrix some 30 µs.
Everything here can be read off the shard again. It is trusted after the index was closed, and only
then: a file that says so is written by `close` and taken away when the rows are opened.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

VECTORS_FILE: Final = "vectors.f32"
ROWS_FILE: Final = "rows.msgpack"
_FIRST_CAPACITY: Final = 1_024


class _SavedRows(msgspec.Struct, frozen=True):
    """The rows as they are kept between two openings."""

    document_ids: list[str | None]
    has_vector: bytes
    dimension: int | None


class DocumentRows:
    """The rows of one index.

    A row that is freed is used again after the next opening, never before: a search under way may
    still hold its number.

    Args:
        folder: Where the matrix and the file of rows stand.
        dimension: Length of the vectors; None where there are none yet.
    """

    def __init__(self, folder: Path, dimension: int | None) -> None:
        self._folder = folder
        self._dimension = dimension
        self._lock = threading.Lock()
        self._places: dict[str, int] = {}
        self._free: list[int] = []
        self._end = 0
        self._has_vector = np.zeros(_FIRST_CAPACITY, bool)
        self._matrix: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Return how many documents there are."""
        return len(self._places)

    @property
    def has_matrix(self) -> bool:
        """Whether the length of the vectors is known."""
        return self._dimension is not None

    def load(self) -> bool:
        """Take up what the last `save` left; say whether it could be trusted."""
        path = self._folder / ROWS_FILE
        try:
            saved = msgspec.msgpack.decode(path.read_bytes(), type=_SavedRows)
        except (OSError, msgspec.DecodeError):
            return False
        path.unlink()
        if saved.dimension != self._dimension or not self._is_matrix_whole(saved):
            return False
        self._restore(saved)
        return True

    def save(self) -> None:
        """Write the rows down and say that they can be trusted."""
        document_ids: list[str | None] = [None] * self._end
        for document_id, row in self._places.items():
            document_ids[row] = document_id
        if isinstance(self._matrix, np.memmap):
            self._matrix.flush()
        saved = _SavedRows(document_ids, self._has_vector[: self._end].tobytes(), self._dimension)
        beside = (self._folder / ROWS_FILE).with_suffix(".new")
        beside.write_bytes(msgspec.msgpack.encode(saved))
        beside.replace(self._folder / ROWS_FILE)

    def set_dimension(self, dimension: int) -> None:
        """Say how long the vectors are, once."""
        self._dimension = dimension

    def plan(self, document_ids: Sequence[str]) -> list[int]:
        """Return the row of each document, a new one where it has none; `put` makes it count."""
        planned: dict[str, int] = {}
        for document_id in document_ids:
            if document_id not in planned:
                row = self._places.get(document_id)
                planned[document_id] = self._next_row() if row is None else row
        return [planned[document_id] for document_id in document_ids]

    def put(
        self,
        rows: Sequence[int],
        document_ids: Sequence[str],
        vectors: Sequence[NDArray[np.float32] | None],
    ) -> None:
        """Set names and vectors of rows.

        Args:
            rows: The rows, each once.
            document_ids: The document in each.
            vectors: The unit vector of each, or None.
        """
        with self._lock:
            self._reserve(max(rows, default=-1) + 1)
            self._end = max(self._end, max(rows, default=-1) + 1)
            places = np.asarray(rows, np.int64)
            self._has_vector[places] = [vector is not None for vector in vectors]
            filled = [
                (row, vector)
                for row, vector in zip(rows, vectors, strict=True)
                if vector is not None
            ]
            if filled and self._matrix is not None:
                self._matrix[[row for row, _ in filled]] = [vector for _, vector in filled]
            self._places.update(zip(document_ids, rows, strict=True))

    def remove(self, document_ids: Iterable[str]) -> None:
        """Forget documents."""
        for document_id in document_ids:
            self._places.pop(document_id, None)

    def free_the_rest(self) -> None:
        """Let the rows that no document has be used again."""
        self._free = sorted(set(range(self._end)) - set(self._places.values()))

    def rows_of(self, document_ids: Iterable[str]) -> list[int]:
        """Return the rows of those documents that there are."""
        places = self._places
        return [places[one] for one in document_ids if one in places]

    def count_vectors(self) -> int:
        """Count the documents that have a vector."""
        with self._lock:
            places = np.fromiter(self._places.values(), np.int64, len(self._places))
            return int(self._has_vector[places].sum())

    def document_ids(self) -> list[str]:
        """Return the names of all documents."""
        return list(self._places)

    def vectors(self, document_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the unit vectors of those documents that have one."""
        with self._lock:
            if self._matrix is None:
                return {}
            known = [one for one in document_ids if one in self._places]
            rows = np.array([self._places[one] for one in known], np.int64)
            has = self._has_vector[rows]
            block = np.asarray(self._matrix[rows])
        return {one: block[i] for i, one in enumerate(known) if has[i]}

    def _next_row(self) -> int:
        """Take a row that no document has."""
        if self._free:
            return self._free.pop()
        self._end += 1
        return self._end - 1

    def _reserve(self, n_rows: int) -> None:
        """Make room for rows; a matrix that is being read stays readable."""
        capacity = len(self._has_vector)
        while capacity < n_rows:
            capacity *= 2
        if capacity > len(self._has_vector):
            self._has_vector = np.concatenate(
                [self._has_vector, np.zeros(capacity - len(self._has_vector), bool)]
            )
        is_short = self._matrix is None or len(self._matrix) < capacity
        if self._dimension is not None and is_short:
            self._map(capacity)

    def _map(self, capacity: int) -> None:
        """Map the file of vectors into memory, made longer where it is too short."""
        if self._dimension is None:
            return
        path = self._folder / VECTORS_FILE
        n_bytes = capacity * self._dimension * 4
        with path.open("ab") as file:
            if file.tell() < n_bytes:
                file.truncate(n_bytes)
        self._matrix = np.memmap(path, np.float32, "r+", shape=(capacity, self._dimension))

    def _is_matrix_whole(self, saved: _SavedRows) -> bool:
        """Say whether the file of vectors can hold what was saved."""
        if not any(saved.has_vector):
            return True
        path = self._folder / VECTORS_FILE
        n_bytes = len(saved.document_ids) * (saved.dimension or 0) * 4
        return path.exists() and path.stat().st_size >= n_bytes

    def _restore(self, saved: _SavedRows) -> None:
        """Take up saved rows."""
        self._end = len(saved.document_ids)
        self._reserve(self._end)
        self._has_vector[: self._end] = np.frombuffer(saved.has_vector, bool)
        self._places = {one: row for row, one in enumerate(saved.document_ids) if one is not None}
        self._free = [row for row, one in enumerate(saved.document_ids) if one is None]
