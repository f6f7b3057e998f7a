"""The threads that do jobs, and what becomes of a job in them."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.errors import InputError, KilledError, RankloopError
from rankloop.jobs.context import JobCancelledError, JobContext, JobInterruptedError
from rankloop.jobs.folders import to_error
from rankloop.jobs.job_views import to_problem
from rankloop.jobs.live import LiveJob
from rankloop.telemetry import log_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rankloop.catalog.jobs import JobCatalog, JobRecord
    from rankloop.jobs.folders import JobFolders
    from rankloop.jobs.kinds import JobKind, JobParts
    from rankloop.telemetry import Metrics

CLOSE_WAIT_S: Final = 10.0
"""How long closing waits for jobs to stop, in seconds."""

RETRY_S: Final = 5.0
"""How long a worker waits where the catalog cannot be asked, in seconds."""

log = logging.getLogger(__name__)


class Workers:
    """The threads that do the jobs of one catalog.

    Args:
        catalog: Where jobs are on record.
        folders: Where their files are.
        kinds: What can be done, by name.
        parts: What it is done with.
        max_attempts: How often a job is begun whose process is killed.
        metrics: Where jobs are counted.
    """

    def __init__(
        self,
        catalog: JobCatalog,
        folders: JobFolders,
        kinds: Mapping[str, JobKind],
        parts: JobParts,
        max_attempts: int,
        metrics: Metrics,
    ) -> None:
        self._catalog = catalog
        self._folders = folders
        self._kinds = kinds
        self._parts = parts
        self._max_attempts = max_attempts
        self._ended = metrics.counter(
            "rankloop_jobs_ended_total", "Jobs by kind and state after an attempt."
        )
        self._changed = threading.Condition()
        self._live: dict[str, LiveJob] = {}
        self._threads: list[threading.Thread] = []
        self._delay_s = 0.0
        self._is_woken = False
        self._is_closing = False
        self._is_abandoned = False

    def start(self, n_threads: int, delay_s: float) -> None:
        """Begin to work.

        Args:
            n_threads: Jobs that are done at a time.
            delay_s: How long what was left waits, unless there is something new, in seconds.
        """
        self._delay_s = delay_s
        for number in range(n_threads):
            thread = threading.Thread(target=self._work, name=f"jobs-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """Look for jobs again: there is a new one."""
        with self._changed:
            self._is_woken = True
            self._changed.notify_all()

    def live(self, job_id: str) -> LiveJob | None:
        """Return a job that runs; None for any other."""
        return self._live.get(job_id)

    def cancel(self, job_id: str) -> JobRecord:
        """Cancel a job; see `JobCatalog.cancel`."""
        # Under the lock a job that is begun on record is live, too.
        with self._changed:
            record = self._catalog.cancel(job_id)
            live = self._live.get(job_id)
        if live is not None:
            live.cancel()
        return record

    def close(self) -> None:
        """Stop; jobs under way wait in the catalog for the next process."""
        with self._changed:
            self._is_closing = True
            for live in self._live.values():
                live.interrupt()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(CLOSE_WAIT_S)
        # One that did not stop must not touch what another process may own by then.
        self._is_abandoned = any(thread.is_alive() for thread in self._threads)
        if self._is_abandoned:
            log_event(log, "jobs_did_not_stop", logging.WARNING, waited_s=CLOSE_WAIT_S)

    def _work(self) -> None:
        """Do jobs until closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_woken or self._is_closing, self._delay_s)
        while True:
            with self._changed:
                if self._is_closing:
                    return
                record = self._begin()
            if record is not None:
                self._do(record, self._live[record.job_id])

    def _begin(self) -> JobRecord | None:
        """Begin the next job, or wait until there may be one."""
        try:
            record = self._catalog.claim()
        except Exception:
            log.exception("jobs_not_read")
            self._changed.wait(RETRY_S)
            return None
        if record is None:
            self._changed.wait()
        else:
            self._live[record.job_id] = LiveJob(record, self._catalog)
        return record

    def _do(self, record: JobRecord, live: LiveJob) -> None:
        """Do one job, and put down what became of it."""
        log_event(log, "job_begun", kind=record.kind, job_id=record.job_id)
        end = self._run(record, live)
        while not self._is_abandoned and not self._keep(record, end):
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing, RETRY_S)
                if self._is_closing:
                    return
        with self._changed:
            del self._live[record.job_id]
            self._changed.notify_all()

    def _keep(self, record: JobRecord, end: Callable[[], None]) -> bool:
        """Put down what became of a job; False where the catalog does not take it now."""
        try:
            end()
            state = self._catalog.find(record.job_id).state
        except Exception:
            # On record it still runs: should the process end, it is taken up by the next.
            log.exception("job_end_not_kept job_id=%s", record.job_id)
            return False
        self._ended.add(kind=record.kind, state=state)
        log_event(log, "job_ended", kind=record.kind, job_id=record.job_id, state=state)
        return True

    def _run(self, record: JobRecord, live: LiveJob) -> Callable[[], None]:
        """Run one job, and return what puts down what became of it."""
        job_id = record.job_id
        try:
            result = self._call(record, live)
        except JobCancelledError:
            return lambda: self._stop(job_id)
        except JobInterruptedError:
            return lambda: self._catalog.put_back(job_id, is_counted=False)
        except Exception as error:  # noqa: BLE001 whatever a job does, its record says how it ended
            return self._judge(record, error)
        return lambda: self._finish(job_id, result)

    def _call(self, record: JobRecord, live: LiveJob) -> Mapping[str, Any]:
        """Call what does a job."""
        kind = self._kinds.get(record.kind)
        if kind is None:
            raise InputError(f"this version does no jobs of kind {record.kind!r}", where="/kind")
        rows = self._folders.read_parameters(record.job_id)
        told = msgspec.convert({**record.parameters, **rows}, kind.parameters)
        scratch = self._folders.make_scratch(record.job_id)
        context = JobContext(record.job_id, scratch, live, live.check)
        self._parts.wait_for_log()
        return kind.build(self._parts)(context, told)

    def _judge(self, record: JobRecord, error: Exception) -> Callable[[], None]:
        """Return what puts down a failure: another attempt where the next may do better."""
        job_id = record.job_id
        is_last = record.attempts >= self._max_attempts
        if self._is_closing:
            # What is closed under a job may fail in any way; that is no attempt of its own.
            return lambda: self._catalog.put_back(job_id, is_counted=False)
        if isinstance(error, KilledError) and not is_last:
            return lambda: self._begin_again(job_id)
        ours = to_error(error)
        if ours.code == RankloopError.code:
            log.error("job_failed job_id=%s", job_id, exc_info=error)
        return lambda: self._fail(job_id, ours)

    def _begin_again(self, job_id: str) -> None:
        """Let a job wait for another attempt."""
        self._catalog.notes.add_line(job_id, "its process was killed; finished steps stay done")
        self._catalog.put_back(job_id, is_counted=True)

    def _finish(self, job_id: str, result: Mapping[str, Any]) -> None:
        """End a job that is done."""
        self._catalog.finish(job_id, result)
        self._folders.remove(job_id)

    def _fail(self, job_id: str, error: RankloopError) -> None:
        """End a job that failed."""
        self._catalog.fail(job_id, to_problem(error))
        self._folders.remove(job_id)

    def _stop(self, job_id: str) -> None:
        """End a job that was cancelled."""
        self._catalog.stop(job_id)
        self._folders.remove(job_id)
