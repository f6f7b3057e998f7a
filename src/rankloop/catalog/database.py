"""The catalog's database: one SQLite file, brought to the newest step when it is opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import create_engine, event, inspect, text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

MIGRATIONS: Final = Path(__file__).parent / "migrations"
"""Where the numbered steps stand."""


def open_catalog(path: Path) -> Engine:
    """Open the catalog, made or brought to the newest step where that is needed.

    Args:
        path: The SQLite file; its folder exists.

    Returns:
        An engine over the file; `dispose()` it when done.

    Raises:
        NewerFolderError: A newer version of this program wrote the file.
    """
    if not path.exists():
        # Hashes of keys are nobody else's business; SQLite would make the file for all to read.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _set_pragmas)
    try:
        with engine.begin() as connection:
            if read_step(connection) != newest_step():
                # Alembic takes longer to import than the rest of the catalog to open.
                from rankloop.catalog.steps import run_steps

                run_steps(connection, path)
    except BaseException:
        engine.dispose()
        raise
    return engine


def read_step(connection: Connection) -> str | None:
    """Return the step that a file is at; None for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    step: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return step


def newest_step() -> str:
    """Return the last step there is, by the name of its file.

    Example:
        >>> newest_step().isdigit()
        True
    """
    return max(path.stem.split("_")[1] for path in MIGRATIONS.glob("step_*.py"))


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Make each connection durable and patient."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
