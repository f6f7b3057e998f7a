"""Delivery: from the journal to the store, each entry exactly once.

The store commits the rows together with the sequence of the last entry they came from. After a
crash at any point the next start reads that number and goes on behind it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rankloop.capture.journal import Entry, Journal
from rankloop.errors import RankloopError, TableError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)


class RowSink(Protocol):
    """What delivery needs of a store."""

    def append_lines(self, searches: bytes, interactions: bytes, *, sequence: int | None) -> object:
        """Take in NDJSON of rows together with the journal sequence they reach up to."""
        ...

    def check_lines(self, searches: bytes, interactions: bytes) -> None:
        """Raise `TableError` where the rows cannot be read; keep nothing."""
        ...

    def delivered_sequence(self) -> int:
        """Return the last journal sequence taken, 0 before the first."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """Settings of the delivery."""

    every_s: float = 1.0
    """How long entries may wait where nobody reads, in seconds: a few large appends cost the
    store far less than many small ones."""

    batch_bytes: int = 8 * 1024 * 1024
    """About how much one transaction of the store takes."""

    retry_after_s: float = 1.0
    """Pause after the store refused, in seconds."""


class Delivery:
    """Carry journal entries to the store in the background.

    Args:
        path: The journal's file; delivery reads it through a connection of its own.
        store: Where the rows go.
        on_delivered: Called with the last sequence after each transaction.
        acknowledged: Gives the last sequence that was acknowledged.
        config: Pace and batch size.
    """

    def __init__(
        self,
        path: Path,
        store: RowSink,
        on_delivered: Callable[[int], None],
        acknowledged: Callable[[], int],
        config: DeliveryConfig | None = None,
    ) -> None:
        self._journal = Journal(path)
        self._store = store
        self._on_delivered = on_delivered
        self._acknowledged = acknowledged
        self._config = config or DeliveryConfig()
        self._delivered = store.delivered_sequence()
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self.last_failure: str | None = None

    @property
    def delivered_sequence(self) -> int:
        """The last journal sequence that the store holds."""
        return self._delivered

    @property
    def behind(self) -> int:
        """How many journal entries are acknowledged and not yet in the store."""
        return max(0, self._acknowledged() - self._delivered)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until all that is acknowledged by now is in the store; False if it took longer."""
        target = self._acknowledged()
        if self._delivered >= target:
            return True
        self._wake.set()
        with self._changed:
            return self._changed.wait_for(lambda: self._delivered >= target, timeout_s)

    async def wait_until_delivered(self, timeout_s: float) -> bool:
        """Do the same without holding up an event loop."""
        if self._delivered >= self._acknowledged():
            return True
        return await asyncio.to_thread(self.wait, timeout_s)

    def drain(self, timeout_s: float = 60.0) -> None:
        """Deliver everything acknowledged by now.

        Raises:
            UnavailableError: The store did not take it in time.
        """
        if not self.wait(timeout_s):
            raise UnavailableError(
                f"the store is {self.behind} journal entries behind", hint="Try again later."
            )

    def close(self, timeout_s: float = 60.0) -> None:
        """Deliver what is left, as far as the store lets us, and stop."""
        if self._thread.is_alive():
            self.wait(timeout_s)
            self._stop.set()
            self._wake.set()
            self._thread.join()
        self._journal.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(self._config.every_s)
            self._wake.clear()
            try:
                self._deliver_all()
                self.last_failure = None
            except Exception as error:  # The thread's outermost door: it must never die.
                code = error.code if isinstance(error, RankloopError) else type(error).__name__
                if self.last_failure != code:
                    log.exception("delivery_failed code=%s", code)
                self.last_failure = code
                self._stop.wait(self._config.retry_after_s)

    def _deliver_all(self) -> None:
        """Deliver what is acknowledged by now, in batches.

        What comes meanwhile waits for the next time: under load the rest is never empty, and a
        small append costs the store nearly as much as a large one.
        """
        target = self._acknowledged()
        while self._delivered < target and not self._stop.is_set():
            entries = self._journal.read(self._delivered, self._config.batch_bytes)
            if not entries:
                return
            self._deliver(entries)
            self._advance(entries[-1].sequence)

    def _deliver(self, entries: list[Entry]) -> None:
        """Append a batch; where a row cannot be read, halve until it stands alone."""
        searches = b"".join(entry.searches for entry in entries)
        interactions = b"".join(entry.interactions for entry in entries)
        try:
            self._store.append_lines(searches, interactions, sequence=entries[-1].sequence)
        except TableError as error:
            if len(entries) > 1:
                middle = len(entries) // 2
                self._deliver(entries[:middle])
                self._deliver(entries[middle:])
            else:
                self._deliver_lines(entries[0], str(error))

    def _deliver_lines(self, entry: Entry, reason: str) -> None:
        """Find the lines that the store cannot read, set them aside, deliver the others."""
        good: dict[str, list[bytes]] = {"search": [], "interaction": []}
        for kind, lines in (("search", entry.searches), ("interaction", entry.interactions)):
            for line in lines.splitlines(keepends=True):
                if self._is_readable(kind, line):
                    good[kind].append(line)
                else:
                    self._journal.quarantine(entry.sequence, kind, line, reason)
                    log.error("row_quarantined kind=%s sequence=%d", kind, entry.sequence)
        self._store.append_lines(
            b"".join(good["search"]), b"".join(good["interaction"]), sequence=entry.sequence
        )

    def _is_readable(self, kind: str, line: bytes) -> bool:
        """Ask the store whether it could read one line, without keeping it."""
        is_search = kind == "search"
        try:
            self._store.check_lines(line if is_search else b"", b"" if is_search else line)
        except TableError:
            return False
        return True

    def _advance(self, sequence: int) -> None:
        """Publish progress: readers wait for it, the journal may forget, ledgers settle."""
        self._delivered = sequence
        self._on_delivered(sequence)
        with self._changed:
            self._changed.notify_all()


def now_us() -> int:
    """Return the wall clock in microseconds UTC."""
    return time.time_ns() // 1_000
