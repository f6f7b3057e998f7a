"""Jobs as they are answered with, out of what is on record and what runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from rankloop.tables.jobs import Job, JobLine, JobProblem, JobProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rankloop.catalog.job_notes import NotedLine
    from rankloop.catalog.jobs import JobRecord
    from rankloop.errors import RankloopError
    from rankloop.jobs.live import LiveJob


def to_job(record: JobRecord, live: LiveJob | None, lines: Sequence[NotedLine] = ()) -> Job:
    """Write a job as it is answered.

    Args:
        record: What is on record.
        live: The job while it runs: it knows its progress better than the record.
        lines: Of its log, oldest first.
    """
    share, message = (record.share, record.message) if live is None else live.progress
    problem = None if record.problem is None else msgspec.convert(record.problem, JobProblem)
    return Job(
        job_id=record.job_id,
        kind=record.kind,
        state=record.state,
        retriever_id=record.retriever_id,
        parameters=dict(record.parameters),
        progress=JobProgress(share, message),
        result=None if record.result is None else dict(record.result),
        problem=problem,
        is_cancelling=record.is_cancelling,
        attempts=record.attempts,
        schedule=record.schedule,
        created_at=to_moment(record.created_at),
        started_at=None if record.started_at is None else to_moment(record.started_at),
        ended_at=None if record.ended_at is None else to_moment(record.ended_at),
        log=[JobLine(to_moment(line.at), line.text) for line in lines],
    )


def to_moment(at_us: int) -> datetime:
    """Return a moment of the catalog, aware UTC."""
    return datetime.fromtimestamp(at_us / 1e6, UTC)


def to_problem(error: RankloopError) -> dict[str, str]:
    """Describe what a job failed with, as its record keeps it."""
    problem = JobProblem(
        code=error.code,
        title=error.title,
        detail=str(error),
        where=error.where,
        hint=error.hint,
    )
    described: dict[str, str] = msgspec.to_builtins(problem)
    return described
