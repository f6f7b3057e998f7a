"""The histories that serving has at hand: read once a day, in the background."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from rankloop.counters.day_history import DayHistory, WantedHistory
from rankloop.errors import RankloopError
from rankloop.telemetry import log_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.store.base import EventStore

WAIT_S: Final = 0.3
"""How long requests wait at most for the first reading once it began, in seconds."""

RETRY_S: Final = 5.0
"""How long nothing is read after a reading failed, in seconds."""

MOST_KEPT: Final = 16
"""Histories that are kept; the least recently asked for go."""

log = logging.getLogger(__name__)


class DayHistories:
    """Histories by retriever and day.

    The day that begins is read in the background, and the one before stays in use until then. What
    arrives late for an earlier day counts with the next reading. Any thread may call.

    Args:
        store: Where the log is.
        bring_up_to_date: Brings to the store, and derives, all that was acknowledged.
        wait_s: How long requests wait at most for the first reading once it began.
    """

    def __init__(
        self,
        store: EventStore,
        bring_up_to_date: Callable[[], object],
        wait_s: float = WAIT_S,
    ) -> None:
        self._store = store
        self._bring_up_to_date = bring_up_to_date
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._held: dict[WantedHistory, DayHistory] = {}
        self._reading: dict[WantedHistory, Future[DayHistory | None]] = {}
        self._began_at: dict[WantedHistory, float] = {}
        self._next_reading = 0.0
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="rankloop-history")
        self._is_open = True

    def start(self, wanted: WantedHistory) -> None:
        """Begin to read a history, without waiting."""
        self._begin(wanted)

    def find(self, wanted: WantedHistory) -> DayHistory | None:
        """Return a history; None where it, and the one before, cannot be had in time."""
        held = self._held.get(wanted)
        if held is not None:
            return held
        self._begin(wanted)
        earlier = self._find_earlier(wanted)
        if earlier is not None:
            return earlier
        waited = time.monotonic() - self._began_at.get(wanted, 0.0)
        return self.wait(wanted, max(self._wait_s - waited, 0.0))

    def wait(self, wanted: WantedHistory, timeout_s: float) -> DayHistory | None:
        """Return the history of that very day; None where it cannot be had in time."""
        held = self._held.get(wanted)
        reading = None if held is not None else self._begin(wanted)
        if reading is None:
            return held
        try:
            return reading.result(timeout_s)
        except TimeoutError:
            return None

    def refresh(self) -> None:
        """Read everything anew, after an import or an erasure."""
        with self._lock:
            wanted = list(self._held)
            self._held = {}
        for one in wanted:
            self._begin(one)

    def close(self) -> None:
        """Stop reading; the second call does nothing."""
        with self._lock:
            self._is_open = False
        self._reader.shutdown(wait=True, cancel_futures=True)

    def _begin(self, wanted: WantedHistory) -> Future[DayHistory | None] | None:
        """Let a history be read, once; None where nothing is read any more."""
        with self._lock:
            if not self._is_open:
                return None
            reading = self._reading.get(wanted)
            if reading is None and time.monotonic() >= self._next_reading:
                self._began_at[wanted] = time.monotonic()
                reading = self._reading[wanted] = self._reader.submit(self._read, wanted)
            return reading

    def _read(self, wanted: WantedHistory) -> DayHistory | None:
        """Read a history and keep it; None where it cannot be read."""
        history = None
        try:
            self._bring_up_to_date()
            history = DayHistory.read(self._store, wanted)
        except RankloopError as error:
            log_event(log, "history_not_read", logging.WARNING, error=error.code)
        finally:
            self._keep(wanted, history)
        return history

    def _keep(self, wanted: WantedHistory, history: DayHistory | None) -> None:
        """Put a history in the place of those of earlier days."""
        with self._lock:
            self._reading.pop(wanted, None)
            self._began_at.pop(wanted, None)
            if history is None:
                self._next_reading = time.monotonic() + RETRY_S
                return
            kept = {one: held for one, held in self._held.items() if not _replaces(wanted, one)}
            self._held = {**dict(list(kept.items())[1 - MOST_KEPT :]), wanted: history}

    def _find_earlier(self, wanted: WantedHistory) -> DayHistory | None:
        """Return the history of an earlier day, as long as that of today is read."""
        return next((held for one, held in self._held.items() if _replaces(wanted, one)), None)


def _replaces(wanted: WantedHistory, other: WantedHistory) -> bool:
    """Say whether one history is the other's of a later day."""
    same = (wanted.retriever_id, wanted.days, wanted.examination)
    return other.day < wanted.day and same == (other.retriever_id, other.days, other.examination)
