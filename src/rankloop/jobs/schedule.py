"""Jobs that are done again and again: at round times, once for however many were missed."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from rankloop.catalog.jobs import JobFilter
from rankloop.errors import QueueFullError
from rankloop.jobs.job_views import to_moment
from rankloop.tables.jobs import JobSchedule
from rankloop.tables.pages import PageRequest
from rankloop.telemetry import log_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rankloop.catalog.schedules import ScheduleCatalog
    from rankloop.jobs.parameters import JobParameters
    from rankloop.jobs.queue import JobQueue
    from rankloop.tables.jobs import Every

LOOK_EVERY_S: Final = 60.0
"""How long the clock is not looked at, at most: it may be set, and the machine may sleep."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY: Final = 0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """One schedule.

    Attributes:
        name: Its name in the settings.
        kind: What is done.
        parameters: What it is told.
        every: How often.
        hour: Hour of the day from which it is due, 0 to 23 UTC; hourly ones are due each hour.
    """

    name: str
    kind: str
    parameters: JobParameters
    every: Every
    hour: int = 3


def find_next(every: Every, hour: int, after: datetime) -> datetime:
    """Return the first moment after another at which something is due.

    Args:
        every: Hourly at the full hour; daily; weekly on Mondays; monthly on the first.
        hour: Hour of the day, 0 to 23 UTC.
        after: Aware UTC.

    Example:
        >>> find_next("weekly", 3, datetime(2026, 3, 4, 12, tzinfo=UTC)).isoformat()
        '2026-03-09T03:00:00+00:00'
    """
    if every == "hourly":
        return after.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    due = after.replace(hour=hour, minute=0, second=0, microsecond=0)
    while due <= after or not _is_day(every, due):
        due += timedelta(days=1)
    return due


def _is_day(every: Every, moment: datetime) -> bool:
    """Say whether a schedule has its turn on this day."""
    if every == "weekly":
        return moment.weekday() == _MONDAY
    return every != "monthly" or moment.day == 1


class Scheduler:
    """Asks for jobs when they are due.

    When each is due stands in the catalog: a schedule that is new waits for its first round time,
    a restart changes nothing, and one that was due while no process ran is caught up once.

    Args:
        specs: What is due when.
        catalog: Where the next time of each stands.
        queue: What is asked.
        now: The clock, aware UTC.
    """

    def __init__(
        self,
        specs: Sequence[ScheduleSpec],
        catalog: ScheduleCatalog,
        queue: JobQueue,
        now: Callable[[], datetime],
    ) -> None:
        self._specs = specs
        self._catalog = catalog
        self._queue = queue
        self._now = now
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, delay_s: float = 0.0) -> None:
        """Watch the clock, if anything is to be done at all.

        Args:
            delay_s: When to look at it for the first time, in seconds from now.
        """
        self._catalog.keep_only([spec.name for spec in self._specs])
        if self._specs:
            self._thread = threading.Thread(
                target=self._watch, args=(delay_s,), name="schedules", daemon=True
            )
            self._thread.start()

    def run_due(self) -> list[str]:
        """Ask for every job that is due, and return their names.

        One whose predecessor still waits or runs is left out, until it is due the next time.
        """
        return [job_id for spec in self._specs if (job_id := self._run(spec)) is not None]

    def list(self) -> list[JobSchedule]:
        """Return every schedule, and when it is due next."""
        return [
            JobSchedule(
                name=spec.name,
                kind=spec.kind,
                every=spec.every,
                retriever_id=spec.parameters.retriever_id,
                next_at=self._find_due(spec),
                last_job_id=self._find_last(spec),
            )
            for spec in self._specs
        ]

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, spec: ScheduleSpec) -> str | None:
        """Ask for one job if it is due."""
        now, due = self._now(), self._find_due(spec)
        if due > now:
            return None
        job_id = None
        if not self._queue.is_pending(spec.kind, spec.parameters.retriever_id):
            # Named after its time: asking again after a crash asks for the same.
            name = f"{spec.name}-{due:%Y%m%dT%H%M}"
            try:
                job_id = self._queue.submit(spec.kind, spec.parameters, name, spec.name).job_id
            except QueueFullError:
                log_event(log, "schedule_waits", logging.WARNING, schedule=spec.name)
                return None
        self._keep(spec, find_next(spec.every, spec.hour, now))
        return job_id

    def _find_due(self, spec: ScheduleSpec) -> datetime:
        """Return when a schedule is due; put down its first time where it is new."""
        kept = self._catalog.next_at(spec.name, spec.every)
        if kept is not None:
            return to_moment(kept)
        first = find_next(spec.every, spec.hour, self._now())
        self._keep(spec, first)
        return first

    def _keep(self, spec: ScheduleSpec, due: datetime) -> None:
        """Put down when a schedule is due."""
        self._catalog.put(spec.name, spec.every, (due - _EPOCH) // timedelta(microseconds=1))

    def _find_last(self, spec: ScheduleSpec) -> str | None:
        """Return the latest job that a schedule asked for."""
        wanted = JobFilter(spec.kind, schedule=spec.name)
        latest = self._queue.list(wanted, PageRequest(page_size=1)).results
        return latest[0].job_id if latest else None

    def _watch(self, delay_s: float) -> None:
        """Ask for what is due, until closed; old jobs are forgotten on the way."""
        self._closing.wait(delay_s)
        while not self._closing.is_set():
            try:
                self.run_due()
                self._queue.prune()
            except Exception:
                log.exception("schedules_not_run")
            self._closing.wait(LOOK_EVERY_S)
