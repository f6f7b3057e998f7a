import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from rankloop.errors import FileError, FolderInUseError
from rankloop.store.folder import LOCK_NAME, DataFolder, read_owner

HOLD = """
import sys, time
from pathlib import Path
from rankloop.store.folder import DataFolder
folder = DataFolder(Path(sys.argv[1]))
folder.set_url(sys.argv[2] or None)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def hold(tmp_path):
    owners = []

    def start(url=""):
        owner = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path), url], stdout=subprocess.PIPE, text=True
        )
        owners.append(owner)
        assert owner.stdout.readline() == "held\n"
        return owner

    yield start
    for owner in owners:
        owner.kill()
        owner.wait()
        owner.stdout.close()


def test_the_owner_is_named_in_the_folder(tmp_path):
    with DataFolder(tmp_path / "new" / "folder") as folder:
        folder.set_url("http://127.0.0.1:8400")
        assert read_owner(folder.path) == {"pid": os.getpid(), "url": "http://127.0.0.1:8400"}


def test_a_second_process_is_told_who_serves_and_where(tmp_path, hold):
    owner = hold("http://127.0.0.1:8400")
    with pytest.raises(FolderInUseError) as refusal:
        DataFolder(tmp_path, wait_s=0.1)
    assert str(owner.pid) in str(refusal.value)
    assert "--url http://127.0.0.1:8400" in refusal.value.hint


def test_a_second_process_is_told_to_serve_where_nobody_does(tmp_path, hold):
    owner = hold()
    with pytest.raises(FolderInUseError) as refusal:
        DataFolder(tmp_path, wait_s=0.1)
    assert str(owner.pid) in str(refusal.value)
    assert "rankloop serve" in refusal.value.hint


def test_a_killed_owner_frees_the_folder(tmp_path, hold):
    owner = hold("http://127.0.0.1:8400")
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    with DataFolder(tmp_path, wait_s=1.0):
        assert read_owner(tmp_path) == {"pid": os.getpid(), "url": None}


def test_a_newcomer_waits_for_the_owner_to_end(tmp_path, hold):
    owner = hold()
    started = time.monotonic()
    threading.Timer(0.4, owner.kill).start()
    with DataFolder(tmp_path, wait_s=5.0):
        assert 0.2 < time.monotonic() - started < 4.0


def test_what_the_file_says_decides_nothing(tmp_path):
    (tmp_path / LOCK_NAME).write_text(json.dumps({"pid": 1, "url": "http://elsewhere"}))
    with DataFolder(tmp_path, wait_s=0.0):
        assert read_owner(tmp_path)["pid"] == os.getpid()


@pytest.mark.parametrize("content", ["", "{", "[1]", "\udcff"])
def test_a_file_that_says_nothing_names_nobody(tmp_path, content):
    (tmp_path / LOCK_NAME).write_bytes(content.encode("utf-8", "surrogateescape"))
    assert read_owner(tmp_path) == {}


def test_a_folder_can_be_held_again_after_it_was_closed(tmp_path):
    folder = DataFolder(tmp_path)
    folder.close()
    folder.close()
    DataFolder(tmp_path, wait_s=0.0).close()
    assert read_owner(tmp_path) == {}


def test_a_file_is_no_folder(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(FileError, match="cannot be used"):
        DataFolder(path)
