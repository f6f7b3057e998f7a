"""Jobs as they are answered with: what is done in the background, how far it is, how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from rankloop.errors import ERRORS, ConflictError, RankloopError
from rankloop.tables.records import Record

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
Every = Literal["hourly", "daily", "weekly", "monthly"]

ENDED: Final[frozenset[str]] = frozenset({"done", "failed", "cancelled"})
"""States that a job does not leave."""


class JobProgress(Record, frozen=True):
    """How far a job is."""

    share: float
    """How much is done, in [0, 1]."""

    message: str
    """What is going on, or was last."""


class JobProblem(Record, kw_only=True, frozen=True, omit_defaults=True):
    """Why a job failed, as a problem document says it."""

    code: str
    title: str
    detail: str
    where: str = ""
    """What it is about: a column, a parameter, a setting."""

    hint: str = ""
    """What to do next."""


class JobLine(Record, frozen=True):
    """One line of a job's log."""

    at: datetime
    """UTC."""

    text: str


class Job(Record, kw_only=True, frozen=True):
    """One job.

    Example:
        >>> job = Job(job_id="j1", kind="estimate", state="queued", created_at=datetime.now())
        >>> job.has_ended, job.progress.share
        (False, 0.0)
    """

    job_id: str
    kind: str
    """What is done, such as `estimate` or `learn`."""

    state: JobState
    """`done`, `failed` and `cancelled` are final."""

    created_at: datetime
    """UTC, as all moments."""

    retriever_id: str | None = None
    """Whose; null where the parameters name none."""

    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    """As they were sent, without rows that were sent along."""

    progress: JobProgress = JobProgress(0.0, "")
    result: dict[str, Any] | None = None
    """What it found; there once it is done."""

    problem: JobProblem | None = None
    """Why it failed; there once it has."""

    is_cancelling: bool = False
    """Whether it was cancelled and has not stopped yet."""

    attempts: int = 0
    """How often it was begun; more than once where the process ended in the middle of it."""

    schedule: str | None = None
    """Name of the schedule that asked for it; null where somebody did."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    log: list[JobLine] = msgspec.field(default_factory=list)
    """The latest lines, oldest first; empty in lists of jobs."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED

    def check_done(self) -> None:
        """Raise what the job failed with; nothing where it is done.

        Raises:
            RankloopError: It failed; the class is the one that was raised there.
            ConflictError: It was cancelled, or has not ended.
        """
        if self.state == "done":
            return
        if self.problem is None:
            raise ConflictError(f"the job {self.job_id!r} is {self.state}", where="/job_id")
        kind = ERRORS.get(self.problem.code, RankloopError)
        raise kind(self.problem.detail, where=self.problem.where, hint=self.problem.hint)


class JobSchedule(Record, kw_only=True, frozen=True):
    """A job that is done again and again."""

    name: str
    """Its name in the settings."""

    kind: str
    every: Every
    retriever_id: str | None = None
    next_at: datetime
    """When it is due next, UTC."""

    last_job_id: str | None = None
    """The latest job that it asked for; null where there is none on record."""


class JobSchedules(Record, frozen=True):
    """Every schedule."""

    results: list[JobSchedule]
