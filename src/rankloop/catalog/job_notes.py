"""What jobs note while they run: lines for people, and finished steps for a later attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_METADATA: Final = MetaData()

LINES: Final = Table(
    "job_lines",
    _METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("job_id", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
)

STEPS: Final = Table(
    "job_steps",
    _METADATA,
    Column("job_id", String(64), primary_key=True),
    Column("name", String(256), primary_key=True),
    Column("value", Text, nullable=False),
)

MAX_LINES: Final = 500
"""Lines of one job that are handed out, the latest."""

MAX_CHARACTERS: Final = 1_000
"""Most characters of a line."""


@dataclass(frozen=True, slots=True)
class NotedLine:
    """One line of a job's log.

    Attributes:
        at: Microseconds UTC.
        text: What it says.
    """

    at: int
    text: str


class JobNotes:
    """Log lines and finished steps of jobs.

    Args:
        engine: The catalog's database.
        now_us: The clock, in microseconds UTC.
    """

    def __init__(self, engine: Engine, now_us: Callable[[], int]) -> None:
        self._engine = engine
        self._now_us = now_us

    def add_line(self, job_id: str, text: str) -> None:
        """Add a line to a job's log."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(LINES).values(job_id=job_id, at=self._now_us(), text=text[:MAX_CHARACTERS])
            )

    def lines(self, job_id: str) -> Sequence[NotedLine]:
        """Return the latest lines of a job's log, oldest first."""
        query = select(LINES).where(LINES.c.job_id == job_id).order_by(LINES.c.number.desc())
        with self._engine.connect() as connection:
            rows = connection.execute(query.limit(MAX_LINES)).all()
        return [NotedLine(row.at, row.text) for row in reversed(rows)]

    def find_step(self, job_id: str, name: str) -> bytes | None:
        """Return the JSON value of a finished step; None where it is not finished."""
        known = (STEPS.c.job_id == job_id) & (STEPS.c.name == name)
        with self._engine.connect() as connection:
            value = connection.execute(select(STEPS.c.value).where(known)).scalar()
        return None if value is None else str(value).encode()

    def keep_step(self, job_id: str, name: str, value: bytes) -> None:
        """Keep the JSON value of a finished step."""
        known = (STEPS.c.job_id == job_id) & (STEPS.c.name == name)
        with self._engine.begin() as connection:
            connection.execute(delete(STEPS).where(known))
            connection.execute(insert(STEPS).values(job_id=job_id, name=name, value=value.decode()))

    def forget_steps(self, connection: Connection, job_ids: Sequence[str]) -> None:
        """Forget the steps of jobs that have ended."""
        connection.execute(delete(STEPS).where(STEPS.c.job_id.in_(job_ids)))

    def forget(self, connection: Connection, job_ids: Sequence[str]) -> None:
        """Forget everything that jobs noted."""
        self.forget_steps(connection, job_ids)
        connection.execute(delete(LINES).where(LINES.c.job_id.in_(job_ids)))
