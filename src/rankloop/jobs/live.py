"""A job while it runs: its latest progress, what it notes, and whether it shall stop."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from rankloop.jobs.context import JobCancelledError, JobInterruptedError

if TYPE_CHECKING:
    from rankloop.catalog.jobs import JobCatalog, JobRecord

KEEP_EVERY_S: Final = 1.0
"""How often progress goes to the disk, in seconds; whoever asks here gets the latest."""


class LiveJob:
    """The recorder of a job that runs.

    Args:
        record: The job, as it was begun.
        catalog: Where it is on record.
    """

    def __init__(self, record: JobRecord, catalog: JobCatalog) -> None:
        self.job_id = record.job_id
        self.progress = (record.share, record.message)
        self._catalog = catalog
        self._kept_at = 0.0
        self._is_cancelled = threading.Event()
        self._is_interrupted = threading.Event()

    def cancel(self) -> None:
        """Let the job stop for good."""
        self._is_cancelled.set()

    def interrupt(self) -> None:
        """Let the job stop for now."""
        self._is_interrupted.set()

    def check(self) -> None:
        """Stop the job where it shall stop."""
        if self._is_cancelled.is_set():
            raise JobCancelledError
        if self._is_interrupted.is_set():
            raise JobInterruptedError

    def report(self, share: float, message: str) -> None:
        """Take progress."""
        self.progress = (share, message)
        if time.monotonic() - self._kept_at >= KEEP_EVERY_S:
            self._catalog.report(self.job_id, share, message)
            self._kept_at = time.monotonic()

    def log(self, text: str) -> None:
        """Add a line."""
        self._catalog.notes.add_line(self.job_id, text)

    def find_step(self, name: str) -> bytes | None:
        """Return the value of a finished step."""
        return self._catalog.notes.find_step(self.job_id, name)

    def keep_step(self, name: str, value: bytes) -> None:
        """Keep the value of a finished step."""
        self._catalog.notes.keep_step(self.job_id, name, value)
