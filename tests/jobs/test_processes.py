"""Child processes: progress comes up, failures have types, and no process is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from rankloop.errors import (
    DiskFullError,
    InputError,
    KilledError,
    MemoryLackError,
    NotEnoughDataError,
    ProcessError,
    RankloopError,
)
from rankloop.jobs.context import JobCancelledError, JobContext, MemoryRecorder
from rankloop.jobs.processes import read_tail, run_child

TASKS = """
    import errno, os, resource, signal, subprocess, sys, time
    from rankloop.errors import NotEnoughDataError

    def add(folder, report):
        report(0.5, "half")
        print("a library prints")
        (folder / "model").mkdir()
        report(1.0, "done")
        return {"sum": 3, "nice": os.nice(0)}

    def refuse(folder, report):
        raise NotEnoughDataError("10 clicks are needed", where="clicks", hint="Wait.")

    def break_off(folder, report):
        raise KeyError("wireless earbuds of anna@example.org")

    def want_memory(folder, report):
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        bytearray(1 << 33)

    def fill_disk(folder, report):
        raise OSError(errno.ENOSPC, "No space left on device")

    def be_killed(folder, report):
        os.kill(os.getpid(), signal.SIGKILL)

    def crash(folder, report):
        os.kill(os.getpid(), signal.SIGSEGV)

    def sleep(folder, report):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        (folder / "pids.txt").write_text(f"{os.getpid()} {child.pid}")
        report(0.1, "asleep")
        time.sleep(60)
"""


@pytest.fixture(autouse=True)
def tasks(tmp_path_factory, monkeypatch):
    """Make tasks that a child can import."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "odd_tasks.py").write_text(textwrap.dedent(TASKS))
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.fixture
def recorder():
    return MemoryRecorder()


@pytest.fixture
def context(tmp_path, recorder):
    return JobContext("j1", tmp_path, recorder)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, timeout_s=20.0):
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, "it did not happen"
        time.sleep(0.02)


def test_a_task_returns_its_result_and_reports_on_the_way(context, recorder, tmp_path):
    result = run_child(context, "odd_tasks:add", tmp_path)

    assert result["sum"] == 3
    assert result["nice"] >= os.nice(0) + 10 or result["nice"] == 19
    assert recorder.reports == [(0.5, "half"), (1.0, "done")]
    assert (tmp_path / "model").is_dir()


def test_what_a_task_refuses_is_refused_here(context, tmp_path):
    with pytest.raises(NotEnoughDataError, match="10 clicks are needed") as caught:
        run_child(context, "odd_tasks:refuse", tmp_path)

    assert (caught.value.where, caught.value.hint) == ("clicks", "Wait.")


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("want_memory", MemoryLackError),
        ("fill_disk", DiskFullError),
        ("be_killed", KilledError),
        ("crash", ProcessError),
    ],
)
def test_each_way_to_end_early_has_its_type(context, tmp_path, task, kind):
    with pytest.raises(kind):
        run_child(context, f"odd_tasks:{task}", tmp_path)


def test_an_unforeseen_error_names_its_place_and_quotes_nothing(context, recorder, tmp_path):
    with pytest.raises(RankloopError, match=r"^KeyError at odd_tasks\.py:\d+$"):
        run_child(context, "odd_tasks:break_off", tmp_path)

    log = "\n".join(recorder.lines)
    assert "KeyError" in log
    assert "earbuds of" not in log
    assert "anna" not in log


def test_a_task_that_nobody_knows_is_refused(context, tmp_path):
    with pytest.raises(InputError, match="no task 'fly'"):
        run_child(context, "fly", tmp_path)


def test_cancelling_kills_the_child_and_its_children(tmp_path, recorder):
    pids = tmp_path / "pids.txt"

    def check():
        if pids.exists() and recorder.reports:
            raise JobCancelledError

    with pytest.raises(JobCancelledError):
        run_child(JobContext("j1", tmp_path, recorder, check), "odd_tasks:sleep", tmp_path)

    child, grandchild = map(int, pids.read_text().split())
    wait_for(lambda: not is_running(child) and not is_running(grandchild))


def test_killing_the_server_leaves_no_process_behind(tmp_path):
    program = """
        import pathlib, sys
        from rankloop.jobs.context import direct_context
        from rankloop.jobs.processes import run_child
        folder = pathlib.Path(sys.argv[1])
        run_child(direct_context(folder), "odd_tasks:sleep", folder)
    """
    server = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), str(tmp_path)])
    pids = tmp_path / "pids.txt"
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    server.send_signal(signal.SIGKILL)
    server.wait()

    child, grandchild = map(int, pids.read_text().split())
    wait_for(lambda: not is_running(child) and not is_running(grandchild))


def test_a_task_that_was_killed_can_be_run_again_in_its_folder(context, tmp_path):
    with pytest.raises(KilledError):
        run_child(context, "odd_tasks:be_killed", tmp_path)

    assert run_child(context, "odd_tasks:add", tmp_path)["sum"] == 3


def test_lines_that_may_be_about_people_lose_what_may_be_about_them(tmp_path):
    printed = tmp_path / "stderr.txt"
    printed.write_text(
        'File "train.py", line 7, in fit\n'
        "ValueError: cannot read 'red shoes'\n"
        "skipped anna@example.org and u~abc of order 123456\n"
    )

    assert read_tail(printed) == [
        'File "…", line 7, in fit',
        "ValueError",
        "skipped … and … of order …",
    ]
