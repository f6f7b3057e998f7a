"""What each user and each session did, newest last, packed, the least recently used let go.

A person is a hash here: no pseudonym and no session stands in this memory. Each history says after
which moment it is whole, so that whoever asks for more knows that the store has it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.counters.base import Event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.counters.registers import Documents

DOING: Final = np.dtype(
    [
        ("at_us", "<i8"),
        ("query", "<u8"),
        ("slot", "<i4"),
        ("mask", "<u4"),
        ("position", "<i4"),
    ]
)
"""One event of a history: 28 bytes."""

PERSON_BYTES: Final = 260
"""About what a person costs beside the events: hash, entry, head of the bytes."""

_SIZE: Final = DOING.itemsize


def to_person(name: str, *, is_session: bool) -> int:
    """Name a user or a session by a hash of this process.

    Example:
        >>> to_person("a", is_session=True) == to_person("a", is_session=False)
        False
    """
    return hash((is_session, name))


class Histories:
    """Histories of users and sessions within a bound of memory.

    Args:
        most_bytes: Bound of memory; beyond, the least recently used history goes.
        length: Most events of one history.
        whole_after_us: Histories that begin here hold all that came after this moment; below 0
            where nothing came before.

    Example:
        >>> histories = Histories(most_bytes=10_000, length=2)
        >>> doings = np.zeros(3, DOING)
        >>> doings["at_us"] = (1, 2, 3)
        >>> histories.add([42, 42, 42], doings)
        >>> kept, whole_after_us = histories.find(42)
        >>> kept["at_us"].tolist(), whole_after_us
        ([2, 3], 2)
    """

    def __init__(self, most_bytes: int, length: int, whole_after_us: int = -1) -> None:
        self._most_bytes = most_bytes
        self._length = length
        self._whole_after_us = whole_after_us
        self._entries: OrderedDict[int, tuple[bytes, int]] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()
        self._has_evicted = False

    def __len__(self) -> int:
        """Return how many users and sessions have a history here."""
        return len(self._entries)

    @property
    def n_bytes(self) -> int:
        """About how much memory the histories take."""
        return self._n_bytes

    def add(self, people: Sequence[int], doings: NDArray[np.void]) -> None:
        """Add events in the order of time; one of an earlier time than the last finds its place."""
        packed = doings.tobytes()
        moments = doings["at_us"].tolist()
        with self._lock:
            for place, person in enumerate(people):
                piece = packed[place * _SIZE : (place + 1) * _SIZE]
                self._add(person, piece, moments[place])
            self._evict()

    def put(self, person: int, doings: NDArray[np.void], whole_after_us: int) -> None:
        """Set a history as the store told it; what only memory has by now is added.

        Args:
            person: Whose it is.
            doings: `[n]` of `DOING`, in the order of time.
            whole_after_us: It holds all that came after this moment.
        """
        with self._lock:
            entry = self._entries.get(person)
            if entry is not None and entry[0]:
                doings = np.unique(np.concatenate((doings, np.frombuffer(entry[0], DOING))))
            kept = doings[-self._length :]
            if kept.size < doings.size:
                whole_after_us = max(whole_after_us, int(kept["at_us"][0]))
            self._put(person, kept.tobytes(), whole_after_us)
            self._evict()

    def find(self, person: int) -> tuple[NDArray[np.void], int]:
        """Return a history in the order of time, and the moment after which it is whole."""
        with self._lock:
            entry = self._entries.get(person)
            if entry is None:
                return np.empty(0, DOING), self._absent_after_us()
            self._entries.move_to_end(person)
        return np.frombuffer(entry[0], DOING), entry[1]

    def _add(self, person: int, piece: bytes, at_us: int) -> None:
        """Add one event to one history."""
        entry = self._entries.get(person)
        if entry is None:
            self._entries[person] = (piece, self._absent_after_us())
            self._n_bytes += PERSON_BYTES + _SIZE
            return
        rows, after_us = entry
        n_before = len(rows)
        if rows.endswith(piece):
            # The store told it already.
            return
        if int.from_bytes(rows[-_SIZE : 8 - _SIZE], "little", signed=True) > at_us:
            doings = np.frombuffer(rows + piece, DOING)
            rows = doings[np.argsort(doings["at_us"], kind="stable")].tobytes()
        else:
            rows += piece
        if len(rows) > self._length * _SIZE:
            rows = rows[-self._length * _SIZE :]
            after_us = max(after_us, int.from_bytes(rows[:8], "little", signed=True))
        self._n_bytes += len(rows) - n_before
        self._entries[person] = (rows, after_us)
        self._entries.move_to_end(person)

    def _put(self, person: int, rows: bytes, after_us: int) -> None:
        """Set one history and count its bytes."""
        entry = self._entries.get(person)
        self._n_bytes += len(rows) + PERSON_BYTES
        if entry is not None:
            self._n_bytes -= len(entry[0]) + PERSON_BYTES
            self._entries.move_to_end(person)
        self._entries[person] = (rows, after_us)

    def _absent_after_us(self) -> int:
        """After when a history is whole that is not here: never where one had to go."""
        return 2**62 if self._has_evicted else self._whole_after_us

    def _evict(self) -> None:
        """Let the least recently used go until the bound is kept."""
        while self._n_bytes > self._most_bytes and self._entries:
            _, (rows, _) = self._entries.popitem(last=False)
            self._n_bytes -= len(rows) + PERSON_BYTES
            self._has_evicted = True


def to_events(doings: NDArray[np.void], documents: Documents) -> list[Event]:
    """Write a history in the order of time as events, newest first."""
    return [
        Event(
            document_id=documents.name(slot),
            type_mask=mask,
            at_us=at_us,
            position=position,
            query_key=f"{query:016x}" if query else "",
        )
        for at_us, query, slot, mask, position in doings[::-1].tolist()
    ]


def to_query_number(query_key: str | None) -> int:
    """Write the 16 hexadecimal digits of a query key as a number, 0 where there are none.

    Example:
        >>> to_query_number("00000000000000ff"), to_query_number(None)
        (255, 0)
    """
    if not query_key or len(query_key) != 16:
        return 0
    try:
        return int(query_key, 16)
    except ValueError:
        return 0
