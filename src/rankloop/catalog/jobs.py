"""Jobs on record: what is to be done, in which order, how far each is and how it ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from rankloop.catalog.database import open_catalog
from rankloop.catalog.job_notes import JobNotes
from rankloop.catalog.schedules import ScheduleCatalog
from rankloop.errors import ConflictError, NotFoundError, QueueFullError
from rankloop.tables.jobs import ENDED, JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import ColumnElement

DAY_US: Final = 86_400_000_000
"""Microseconds of a day."""

_METADATA: Final = MetaData()

JOBS: Final = Table(
    "jobs",
    _METADATA,
    Column("job_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("retriever_id", String(128), nullable=True),
    Column("parameters", Text, nullable=False),
    Column("schedule", String(64), nullable=True),
    Column("state", String(16), nullable=False),
    Column("is_cancelling", Boolean, nullable=False),
    Column("share", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("result", Text, nullable=True),
    Column("problem", Text, nullable=True),
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=True),
    Column("ended_at", BigInteger, nullable=True),
)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job on record; moments are microseconds UTC.

    Attributes:
        job_id: Its name, and that of its folder.
        kind: What is done.
        retriever_id: Whose; None where the parameters name none.
        parameters: As JSON has them, without what is too large for a catalog.
        schedule: Name of the schedule that asked for it.
        state: `queued`, `running`, `done`, `failed` or `cancelled`.
        is_cancelling: Whether it runs and shall stop for good.
        share: How much is done, in [0, 1].
        message: What is going on.
        result: What it found.
        problem: Why it failed.
        attempts: How often it was begun.
    """

    job_id: str
    kind: str
    retriever_id: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    schedule: str | None = None
    state: JobState = "queued"
    is_cancelling: bool = False
    share: float = 0.0
    message: str = ""
    result: Mapping[str, Any] | None = None
    problem: Mapping[str, str] | None = None
    attempts: int = 0
    created_at: int = 0
    started_at: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs; all where nothing is said."""

    kind: str | None = None
    state: str | None = None
    retriever_id: str | None = None
    schedule: str | None = None

    def to_conditions(self) -> list[ColumnElement[bool]]:
        """Write what is said as conditions."""
        wanted = {
            "kind": self.kind,
            "state": self.state,
            "retriever_id": self.retriever_id,
            "schedule": self.schedule,
        }
        return [JOBS.c[name] == value for name, value in wanted.items() if value is not None]


class JobCatalog:
    """The jobs of one data folder.

    A change is on the disk when a call returns. Any thread may call.

    Args:
        path: The catalog's file; made if absent.
        now_us: The clock, in microseconds UTC.

    Attributes:
        notes: Log lines and finished steps.
        schedules: When each schedule is due.

    Example:
        >>> import tempfile
        >>> catalog = JobCatalog(Path(tempfile.mkdtemp()) / "catalog.db", lambda: 0)
        >>> _ = catalog.add(JobRecord("j1", "estimate"), most_queued=10)
        >>> catalog.claim().job_id, catalog.claim()
        ('j1', None)
        >>> catalog.finish("j1", result={"clicks": 3})
        >>> catalog.find("j1").state
        'done'
        >>> catalog.close()
    """

    def __init__(self, path: Path, now_us: Callable[[], int]) -> None:
        self._engine = open_catalog(Path(path))
        self._now_us = now_us
        self._lock = threading.Lock()
        self.notes = JobNotes(self._engine, now_us)
        self.schedules = ScheduleCatalog(self._engine)

    def add(self, job: JobRecord, most_queued: int) -> JobRecord:
        """Let a job wait for its turn; one that is on record already stays as it is.

        Raises:
            QueueFullError: So many wait already.
            ConflictError: A job of this name does something else.
        """
        with self._lock, self._engine.begin() as connection:
            known = _read(connection, job.job_id)
            if known is not None:
                if (known.kind, known.retriever_id) != (job.kind, job.retriever_id):
                    raise ConflictError(f"there is a job {job.job_id!r} already", where="/job_id")
                return known
            waiting = select(func.count()).select_from(JOBS).where(JOBS.c.state == "queued")
            n_waiting = int(connection.execute(waiting).scalar_one())
            if n_waiting >= most_queued:
                raise QueueFullError(
                    f"{n_waiting} jobs are waiting",
                    hint="Try again when some are done, or cancel some: rankloop jobs list.",
                )
            connection.execute(
                insert(JOBS).values(
                    job_id=job.job_id,
                    kind=job.kind,
                    retriever_id=job.retriever_id,
                    parameters=_encode(job.parameters),
                    schedule=job.schedule,
                    state="queued",
                    is_cancelling=False,
                    share=0.0,
                    message="",
                    attempts=0,
                    created_at=self._now_us(),
                )
            )
            return _find(connection, job.job_id)

    def find(self, job_id: str) -> JobRecord:
        """Return one job.

        Raises:
            NotFoundError: There is no such job.
        """
        with self._engine.connect() as connection:
            return _find(connection, job_id)

    def list(
        self, wanted: JobFilter, offset: int = 0, limit: int | None = None
    ) -> tuple[Sequence[JobRecord], int]:
        """Return a page of jobs, newest first, and how many there are in all."""
        conditions = wanted.to_conditions()
        query = select(JOBS).where(*conditions)
        query = query.order_by(JOBS.c.created_at.desc(), JOBS.c.job_id.desc())
        count = select(func.count()).select_from(JOBS).where(*conditions)
        with self._engine.connect() as connection:
            rows = connection.execute(query.offset(offset).limit(limit)).all()
            total = int(connection.execute(count).scalar_one())
        return [_to_record(row) for row in rows], total

    def claim(self) -> JobRecord | None:
        """Begin the next job that may run; None where none may.

        A job that was begun before goes first. Then the retriever whose turn was longest ago has
        its turn, with its oldest job: one that asks for many holds up no other. Two jobs of one
        kind and retriever are not run at once.
        """
        with self._lock, self._engine.begin() as connection:
            job = _choose(connection)
            if job is None:
                return None
            is_waiting = (JOBS.c.job_id == job.job_id) & (JOBS.c.state == "queued")
            values = {"state": "running", "attempts": job.attempts + 1}
            changed = connection.execute(
                update(JOBS).where(is_waiting).values(started_at=self._now_us(), **values)
            )
            # In a database shared by several processes, another may have been faster.
            return _find(connection, job.job_id) if changed.rowcount else None

    def report(self, job_id: str, share: float, message: str) -> None:
        """Keep how far a job is."""
        self._change(job_id, share=share, message=message)

    def cancel(self, job_id: str) -> JobRecord:
        """Cancel a job that waits; mark one that runs; leave one that has ended.

        Raises:
            NotFoundError: There is no such job.
        """
        with self._lock, self._engine.begin() as connection:
            job = _find(connection, job_id)
            values: dict[str, Any] = {"is_cancelling": True}
            if job.state == "queued":
                values = {"state": "cancelled", "ended_at": self._now_us()}
            elif job.state != "running":
                return job
            connection.execute(update(JOBS).where(JOBS.c.job_id == job_id).values(**values))
            return _find(connection, job_id)

    def finish(self, job_id: str, result: Mapping[str, Any]) -> None:
        """End a job that is done."""
        self._end(job_id, "done", share=1.0, result=_encode(result))

    def fail(self, job_id: str, problem: Mapping[str, str]) -> None:
        """End a job that failed."""
        self._end(job_id, "failed", problem=_encode(problem))

    def stop(self, job_id: str) -> None:
        """End a job that was cancelled."""
        self._end(job_id, "cancelled")

    def put_back(self, job_id: str, *, is_counted: bool) -> None:
        """Let a job that ran wait again.

        Args:
            job_id: Which.
            is_counted: Whether this was one of its attempts; not where it was only interrupted.
        """
        attempts = JOBS.c.attempts if is_counted else JOBS.c.attempts - 1
        self._change(job_id, state="queued", attempts=attempts)

    def prune(self, keep_days: float) -> Sequence[str]:
        """Forget jobs that ended so many days ago, with their notes, and return their names."""
        before_us = self._now_us() - int(keep_days * DAY_US)
        is_old = JOBS.c.state.in_(ENDED) & (JOBS.c.ended_at < before_us)
        with self._lock, self._engine.begin() as connection:
            query = select(JOBS.c.job_id).where(is_old)
            names = [str(name) for name in connection.execute(query).scalars()]
            if names:
                self.notes.forget(connection, names)
                connection.execute(delete(JOBS).where(JOBS.c.job_id.in_(names)))
        return names

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _end(self, job_id: str, state: JobState, **values: object) -> None:
        """End a job that runs; what it had noted for later attempts goes."""
        with self._lock, self._engine.begin() as connection:
            ended = {"state": state, "is_cancelling": False, "ended_at": self._now_us()}
            known = JOBS.c.job_id == job_id
            connection.execute(update(JOBS).where(known).values(**ended, **values))
            self.notes.forget_steps(connection, [job_id])

    def _change(self, job_id: str, **values: object) -> None:
        """Change a job on record."""
        with self._lock, self._engine.begin() as connection:
            connection.execute(update(JOBS).where(JOBS.c.job_id == job_id).values(**values))


def _choose(connection: Connection) -> JobRecord | None:
    """Return the job whose turn it is."""
    running = {
        (row.kind, row.retriever_id)
        for row in connection.execute(select(JOBS).where(JOBS.c.state == "running"))
    }
    # A job that names no retriever may be about any.
    kinds = {kind for kind, _ in running}
    kinds_of_all = {kind for kind, retriever_id in running if retriever_id is None}
    turns = select(JOBS.c.retriever_id, func.max(JOBS.c.started_at)).group_by(JOBS.c.retriever_id)
    last_turn = {row[0]: row[1] or 0 for row in connection.execute(turns)}

    def may_run(job: JobRecord) -> bool:
        if job.retriever_id is None:
            return job.kind not in kinds
        return job.kind not in kinds_of_all and (job.kind, job.retriever_id) not in running

    def rank(job: JobRecord) -> tuple[bool, int, int, str]:
        turn = last_turn[job.retriever_id]
        return job.started_at is None, turn, job.created_at, job.job_id

    waiting = map(_to_record, connection.execute(select(JOBS).where(JOBS.c.state == "queued")))
    return min(filter(may_run, waiting), key=rank, default=None)


def _find(connection: Connection, job_id: str) -> JobRecord:
    """Return one job, or say that there is none."""
    job = _read(connection, job_id)
    if job is None:
        raise NotFoundError(
            f"there is no job {job_id!r}",
            where="/job_id",
            hint="`rankloop jobs list` shows their names.",
        )
    return job


def _read(connection: Connection, job_id: str) -> JobRecord | None:
    """Return one job; None where there is no such job."""
    row = connection.execute(select(JOBS).where(JOBS.c.job_id == job_id)).first()
    return None if row is None else _to_record(row)


def _encode(value: Any) -> str:  # noqa: ANN401 whatever JSON holds
    """Write a value as JSON."""
    return msgspec.json.encode(value, order="sorted").decode()


def _to_record(row: Any) -> JobRecord:  # noqa: ANN401 a row of SQLAlchemy
    """Read one row."""
    values = dict(row._mapping)
    for name in ("parameters", "result", "problem"):
        if values[name] is not None:
            values[name] = msgspec.json.decode(values[name])
    return JobRecord(**values)
