"""Schedules on record: when each is due next, so that a restart forgets none and repeats none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Column, MetaData, String, Table, delete, insert, select

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Engine

_METADATA: Final = MetaData()

SCHEDULES: Final = Table(
    "job_schedules",
    _METADATA,
    Column("name", String(64), primary_key=True),
    Column("every", String(16), nullable=False),
    Column("next_at", BigInteger, nullable=False),
)


class ScheduleCatalog:
    """When schedules are due.

    Args:
        engine: The catalog's database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def next_at(self, name: str, every: str) -> int | None:
        """Return when a schedule is due; None where it, or it at this pace, is not on record.

        Returns:
            Microseconds UTC.
        """
        known = (SCHEDULES.c.name == name) & (SCHEDULES.c.every == every)
        with self._engine.connect() as connection:
            moment: int | None = connection.execute(
                select(SCHEDULES.c.next_at).where(known)
            ).scalar()
        return moment

    def put(self, name: str, every: str, next_at: int) -> None:
        """Keep when a schedule is due next, in microseconds UTC."""
        with self._engine.begin() as connection:
            connection.execute(delete(SCHEDULES).where(SCHEDULES.c.name == name))
            connection.execute(insert(SCHEDULES).values(name=name, every=every, next_at=next_at))

    def keep_only(self, names: Collection[str]) -> None:
        """Forget schedules that are no longer in the settings."""
        with self._engine.begin() as connection:
            connection.execute(delete(SCHEDULES).where(SCHEDULES.c.name.not_in(names)))
