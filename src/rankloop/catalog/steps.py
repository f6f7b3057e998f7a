"""The catalog's numbered steps, run by Alembic from the one a file is at to the newest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from rankloop.catalog.database import MIGRATIONS, read_step
from rankloop.errors import NewerFolderError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection


def run_steps(connection: Connection, path: Path) -> None:
    """Run the steps that a file has not seen, in the transaction that is open.

    Raises:
        NewerFolderError: The file's last step is not one of ours.
    """
    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
    current = read_step(connection)
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
