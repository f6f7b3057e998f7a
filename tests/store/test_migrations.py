import duckdb
import pytest

from rankloop.errors import NewerFolderError
from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore
from rankloop.store.migrations import migrate, read_birth, read_steps, read_version


def test_steps_are_numbered_without_a_gap():
    assert list(read_steps()) == list(range(1, len(read_steps()) + 1))


def test_an_empty_database_gets_every_step_once():
    connection = duckdb.connect()
    assert read_version(connection) == 0
    assert migrate(connection) == migrate(connection) == max(read_steps())
    rows = connection.execute("SELECT version FROM schema_version ORDER BY 1").fetchall()
    assert [number for (number,) in rows] == list(read_steps())


def test_an_older_database_gets_what_it_lacks():
    connection = duckdb.connect()
    connection.execute('CREATE TABLE schema_version (version INTEGER, "at" TIMESTAMP)')
    connection.execute("INSERT INTO schema_version VALUES (1, now()::TIMESTAMP)")
    connection.execute(read_steps()[1])
    migrate(connection)
    assert read_version(connection) == max(read_steps())


def test_a_newer_database_is_refused_with_both_versions(tmp_path):
    path = tmp_path / "events.duckdb"
    DuckDBStore(StoreConfig(path=path)).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (999, now()::TIMESTAMP)")
    with pytest.raises(NewerFolderError, match=rf"version 999.*up to {max(read_steps())}"):
        DuckDBStore(StoreConfig(path=path))
    with duckdb.connect(str(path)) as connection:
        assert read_version(connection) == 999


def test_a_step_that_fails_leaves_the_version_before_it(monkeypatch):
    connection = duckdb.connect()
    steps = {1: "CREATE TABLE a (x INTEGER)", 2: "CREATE TABLE b (x INTEGER); SELECT broken"}
    monkeypatch.setattr("rankloop.store.migrations.read_steps", lambda: steps)
    with pytest.raises(duckdb.Error):
        migrate(connection)
    assert read_version(connection) == 1
    tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert ("b",) not in tables


def test_two_databases_differ_in_their_birth():
    one, two = duckdb.connect(), duckdb.connect()
    migrate(one)
    migrate(two)
    assert read_birth(one) != read_birth(two)
    assert read_birth(one) == read_birth(one)
