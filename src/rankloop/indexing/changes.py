"""Which documents changed lately, so that what is kept of others stays."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NOTED: Final = 16_384
"""Changes that are remembered; who asks later than that is told that everything changed."""


class ChangeLog:
    """The latest changes, numbered. Any thread may call.

    Example:
        >>> changes = ChangeLog()
        >>> mark = changes.mark
        >>> changes.note(["d1"])
        >>> changes.since(mark)
        (1, frozenset({'d1'}))
        >>> changes.note_all()
        >>> changes.since(mark)
        (2, None)
    """

    def __init__(self) -> None:
        self._names: deque[str] = deque(maxlen=MOST_NOTED)
        self._mark = 0
        self._whole_from = 0
        self._lock = threading.Lock()

    @property
    def mark(self) -> int:
        """How many changes there were so far."""
        return self._mark

    def note(self, document_ids: Sequence[str]) -> None:
        """Note documents that were written or removed; to be called once that is done."""
        with self._lock:
            self._names.extend(document_ids)
            self._mark += len(document_ids)

    def note_all(self) -> None:
        """Note that any document may have changed."""
        with self._lock:
            self._names.clear()
            self._mark += 1
            self._whole_from = self._mark

    def since(self, mark: int) -> tuple[int, frozenset[str] | None]:
        """Return how many changes there were, and which documents changed after a mark.

        Args:
            mark: What an earlier call returned.

        Returns:
            The mark now; the documents, or None where any may have changed.
        """
        if mark == self._mark:
            return mark, frozenset()
        with self._lock:
            n_changes = self._mark - mark
            if mark < self._whole_from or n_changes > len(self._names):
                return self._mark, None
            latest = [self._names[-place] for place in range(1, n_changes + 1)]
            return self._mark, frozenset(latest)
