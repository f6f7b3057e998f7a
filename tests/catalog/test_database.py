"""The catalog's file: migrated when it is opened, refused when it is newer."""

import sqlite3

import pytest

from rankloop.catalog.database import newest_step, open_catalog
from rankloop.errors import NewerFolderError


def step_of(path):
    with sqlite3.connect(path) as connection:
        (step,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    return step


def test_a_new_file_is_at_the_newest_step(tmp_path):
    open_catalog(tmp_path / "catalog.db").dispose()

    assert step_of(tmp_path / "catalog.db") == newest_step()


def test_opening_again_changes_nothing(tmp_path):
    open_catalog(tmp_path / "catalog.db").dispose()
    open_catalog(tmp_path / "catalog.db").dispose()

    assert step_of(tmp_path / "catalog.db") == newest_step()


def test_a_file_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "catalog.db"
    open_catalog(path).dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(NewerFolderError, match="9999"):
        open_catalog(path)

    assert step_of(path) == "9999"
