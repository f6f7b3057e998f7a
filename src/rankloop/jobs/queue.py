"""The queue of jobs: taken in durably, asked about, cancelled, and gone on with after a crash."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.catalog.jobs import JobFilter, JobRecord
from rankloop.errors import InputError, NotFoundError, ProcessError
from rankloop.events.identity import make_uuid7s
from rankloop.jobs.child import is_disk_full
from rankloop.jobs.folders import to_error
from rankloop.jobs.job_views import to_job, to_problem
from rankloop.jobs.workers import Workers
from rankloop.tables.pages import Page, PageRequest
from rankloop.telemetry import Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rankloop.catalog.jobs import JobCatalog
    from rankloop.jobs.folders import JobFolders
    from rankloop.jobs.kinds import JobKind, JobParts
    from rankloop.jobs.parameters import JobParameters
    from rankloop.tables.jobs import Job

_JOB_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class QueueConfig:
    """Bounds of the queue."""

    n_workers: int = 1
    """Jobs that are done at a time."""

    max_queued: int = 100
    """Most jobs that wait."""

    max_attempts: int = 3
    """How often a job is begun in the middle of which the process ends."""

    keep_days: float = 30.0
    """How long jobs that have ended stay on record, in days."""

    delay_s: float = 0.0
    """How long what an earlier process left waits, unless there is something new, in seconds."""


class JobQueue:
    """The jobs of one data folder.

    Any thread may call. What is taken in survives whatever happens to the process; a job that was
    in the middle is begun again when the folder is opened, without its finished steps.

    Args:
        catalog: Where jobs are on record; closed with the queue.
        folders: Where their files are.
        kinds: What can be done, by name.
        parts: What it is done with.
        config: Bounds.
        metrics: Where jobs are counted.

    Attributes:
        kinds: What can be done, by name.
    """

    def __init__(
        self,
        catalog: JobCatalog,
        folders: JobFolders,
        kinds: Mapping[str, JobKind],
        parts: JobParts,
        config: QueueConfig | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.kinds = kinds
        self._config = config or QueueConfig()
        self._catalog = catalog
        self._folders = folders
        self._workers = Workers(
            catalog, folders, kinds, parts, self._config.max_attempts, metrics or Metrics()
        )

    def start(self) -> None:
        """Take up what an earlier process left, and begin to work."""
        self._recover()
        self.prune()
        self._workers.start(self._config.n_workers, self._config.delay_s)

    def submit(
        self,
        kind: str,
        parameters: JobParameters,
        job_id: str | None = None,
        schedule: str | None = None,
    ) -> Job:
        """Take a job in; it is on the disk when this returns.

        Args:
            kind: Its name in `kinds`.
            parameters: The record of that kind.
            job_id: Its name, so that sending it again changes nothing; made when left out.
            schedule: Name of the schedule that asks for it.

        Raises:
            InputError: There is no such kind, or the name cannot be one.
            ConflictError: A job of this name does something else.
            QueueFullError: Too many jobs wait.
            DiskFullError: There is no room for it.
        """
        bulky = self.find_kind(kind).bulky
        self.prune()
        job_id = make_uuid7s(1)[0] if job_id is None else check_job_id(job_id)
        told: dict[str, Any] = msgspec.to_builtins(parameters)
        rows = {name: told.pop(name) for name in sorted(bulky & told.keys())}
        record = JobRecord(job_id, kind, parameters.retriever_id, told, schedule)
        is_new = self._find(job_id) is None
        if rows and is_new:
            self._folders.keep_parameters(job_id, rows)
        try:
            known = self._catalog.add(record, self._config.max_queued)
        except Exception as error:
            if rows and is_new:
                self._folders.remove(job_id)
            if is_disk_full(error):
                raise to_error(error) from error
            raise
        self._workers.wake()
        return to_job(known, self._workers.live(job_id))

    def find_kind(self, kind: str) -> JobKind:
        """Return a kind of job by its name.

        Raises:
            InputError: There is none of this name.
        """
        if kind not in self.kinds:
            raise InputError(
                f"there is no job of kind {kind!r}",
                where="/kind",
                hint=f"Known: {', '.join(self.kinds)}.",
            )
        return self.kinds[kind]

    def find(self, job_id: str) -> Job:
        """Return one job with the latest lines of its log.

        Raises:
            NotFoundError: There is no such job.
        """
        # In this order: a job that ends in between is shown as it ended.
        live = self._workers.live(job_id)
        record = self._catalog.find(job_id)
        is_live = record.state == "running"
        return to_job(record, live if is_live else None, self._catalog.notes.lines(job_id))

    def list(self, wanted: JobFilter, page: PageRequest) -> Page[Job]:
        """Return a page of jobs, newest first, without their logs."""
        rows, total = self._catalog.list(wanted, page.offset, page.page_size)
        live = {row.job_id: self._workers.live(row.job_id) for row in rows}
        jobs = [to_job(row, live[row.job_id] if row.state == "running" else None) for row in rows]
        return Page.of(jobs, total, page)

    def is_pending(self, kind: str, retriever_id: str | None) -> bool:
        """Say whether such a job waits or runs."""
        wanted = [JobFilter(kind, state, retriever_id) for state in ("queued", "running")]
        found = [row for one in wanted for row in self._catalog.list(one)[0]]
        return any(row.retriever_id == retriever_id for row in found)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job: at once where it waits, as soon as it can stop where it runs.

        One that has ended stays as it is.

        Raises:
            NotFoundError: There is no such job.
        """
        record = self._workers.cancel(job_id)
        if record.state == "cancelled":
            self._folders.remove(job_id)
        return to_job(record, self._workers.live(job_id))

    def prune(self) -> None:
        """Forget jobs that ended long ago."""
        self._catalog.prune(self._config.keep_days)

    def close(self) -> None:
        """Stop; jobs under way wait in the catalog for the next process."""
        self._workers.close()
        self._catalog.close()

    def _find(self, job_id: str) -> JobRecord | None:
        """Return a job on record; None where there is no such job."""
        try:
            return self._catalog.find(job_id)
        except NotFoundError:
            return None

    def _recover(self) -> None:
        """Decide what becomes of jobs that an earlier process was in the middle of."""
        for record in self._catalog.list(JobFilter(state="running"))[0]:
            if record.is_cancelling:
                self._catalog.stop(record.job_id)
            elif record.attempts >= self._config.max_attempts:
                error = ProcessError(
                    f"the process ended {record.attempts} times in the middle of this job",
                    hint="Find out what ends it, most likely want of memory; then start it again.",
                )
                self._catalog.fail(record.job_id, to_problem(error))
            else:
                note = "the process ended in the middle; finished steps stay done"
                self._catalog.notes.add_line(record.job_id, note)
                self._catalog.put_back(record.job_id, is_counted=True)
        waiting, _ = self._catalog.list(JobFilter(state="queued"))
        self._folders.keep_only({record.job_id for record in waiting})


def check_job_id(job_id: str) -> str:
    """Return a job's name, if it may have it: it is that of a folder, too.

    Raises:
        InputError: It may not.
    """
    if not _JOB_ID.fullmatch(job_id):
        raise InputError(
            "a job's id is 1 to 64 letters, digits, dashes and underscores",
            where="/job_id",
            hint="Leave it out, and one is made.",
        )
    return job_id
