"""The catalog's database: one SQLite file, migrated by numbered steps when it is opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event

from rankloop.errors import NewerFolderError

if TYPE_CHECKING:
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
            _migrate(connection, path)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Make each connection durable and patient."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(connection: Connection, path: Path) -> None:
    """Run the steps that this file has not seen."""
    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    _check_known(scripts, current, path)

    def list_steps(_revision: object, _context: MigrationContext) -> list[RevisionStep]:
        newest_first = scripts.iterate_revisions("head", current, implicit_base=True)
        known = scripts.revision_map
        return [MigrationStep.upgrade_from_script(known, step) for step in newest_first][::-1]

    with EnvironmentContext(Config(), scripts, fn=list_steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def _check_known(scripts: ScriptDirectory, current: str | None, path: Path) -> None:
    """Refuse a file whose last step is not one of ours."""
    if current is None:
        return
    try:
        scripts.get_revision(current)
    except CommandError as error:
        raise NewerFolderError(
            f"{path.name} is at step {current}, which this version does not know",
            where=str(path),
            hint="Open the folder with the version that wrote it, or a newer one.",
        ) from error
