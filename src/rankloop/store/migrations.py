"""Numbered steps that bring a store's tables to the form this version writes."""

from __future__ import annotations

from importlib import resources

import duckdb

from rankloop.errors import NewerFolderError
from rankloop.store.statements import fetch_row


def read_steps() -> dict[int, str]:
    """Read the steps that ship with this version: number to SQL text, ascending."""
    folder = resources.files("rankloop.store") / "schema"
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return {int(name[:4]): (folder / name).read_text("utf-8") for name in files}


def read_version(connection: duckdb.DuckDBPyConnection) -> int:
    """Read which step the tables are at; 0 for an empty database."""
    tables = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'schema_version'"
    if not fetch_row(connection, tables)[0]:
        return 0
    return int(fetch_row(connection, "SELECT coalesce(max(version), 0) FROM schema_version")[0])


def migrate(connection: duckdb.DuckDBPyConnection) -> int:
    """Apply the steps that are missing, each in a transaction of its own.

    Args:
        connection: A connection that may write.

    Returns:
        The version the tables are at afterwards.

    Raises:
        NewerFolderError: The tables are of a version this program does not know.

    Example:
        >>> migrate(duckdb.connect()) == max(read_steps())
        True
    """
    steps = read_steps()
    known, version = max(steps), read_version(connection)
    if version > known:
        raise NewerFolderError(
            f"the data folder is of schema version {version}, this program knows up to {known}",
            hint="Install the version of rankloop that wrote it, or a later one.",
        )
    for number in range(version + 1, known + 1):
        connection.execute("BEGIN")
        try:
            connection.execute(
                'CREATE TABLE IF NOT EXISTS schema_version (version INTEGER, "at" TIMESTAMP)'
            )
            connection.execute(steps[number])
            connection.execute("INSERT INTO schema_version VALUES (?, now()::TIMESTAMP)", [number])
        except duckdb.Error:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    return known


def read_birth(connection: duckdb.DuckDBPyConnection) -> str:
    """Name a database by the microsecond in which its first tables were made."""
    return str(fetch_row(connection, 'SELECT epoch_us(min("at")) FROM schema_version')[0])
