"""The demo's folder: made anew if the demo made it, left alone if not."""

import os

import pytest

from rankloop.cli.demo_folder import MARK, make_folder, write_mark
from rankloop.errors import FolderInUseError, InputError
from rankloop.store.folder import DataFolder


def test_a_new_folder_is_made_and_marked(tmp_path):
    make_folder(tmp_path / "demo-data")
    assert (tmp_path / "demo-data" / MARK).exists()


def test_an_empty_folder_is_taken(tmp_path):
    make_folder(tmp_path)
    assert (tmp_path / MARK).exists()


def test_an_earlier_demo_is_made_anew_and_strangers_files_stay(tmp_path):
    make_folder(tmp_path)
    for name in ("events.duckdb", "events.duckdb.wal", "journal.db-shm", "secret", "notes.txt"):
        (tmp_path / name).write_text("old")
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "x.csv").write_text("old")
    make_folder(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([MARK, "lock", "notes.txt"])


def test_a_folder_that_the_demo_did_not_make_is_refused(tmp_path):
    (tmp_path / "events.duckdb").write_text("precious")
    with pytest.raises(InputError, match="not made by the demo"):
        make_folder(tmp_path)
    assert (tmp_path / "events.duckdb").read_text() == "precious"


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "demo-data").write_text("x")
    with pytest.raises(InputError, match="not a folder"):
        make_folder(tmp_path / "demo-data")


def test_a_folder_in_use_is_refused_and_its_owner_left_running(tmp_path, monkeypatch):
    make_folder(tmp_path)
    # The mark names some other process than the owner: nobody is stopped.
    write_mark(tmp_path, {"pid": os.getppid()})
    monkeypatch.setattr("rankloop.store.folder.WAIT_S", 0.0)
    with DataFolder(tmp_path), pytest.raises(FolderInUseError):
        make_folder(tmp_path)
