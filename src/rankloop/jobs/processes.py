"""Work in a process of its own: started, listened to, and ended with the job."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.errors import ERRORS, DiskFullError, KilledError, ProcessError, RankloopError
from rankloop.jobs.child import (
    FAILURE_FILE,
    NO_ROOM,
    ORDER_FILE,
    RESULT_FILE,
    Failure,
    Order,
    Progress,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rankloop.jobs.context import JobContext

STDERR_FILE: Final = "stderr.txt"

LOOK_EVERY_S: Final = 0.1
"""How often a job looks whether it shall stop, in seconds."""

N_TAIL: Final = 20
"""Lines of standard error that stay in the job's log when a child fails."""

MAX_TAIL_BYTES: Final = 16_384
MAX_LINE: Final = 160

_QUOTED: Final = re.compile(r"""(['"`“]).*?(['"`”]|$)""")
_PERSONAL: Final = re.compile(r"\S*@\S*|u~\S+|\b\d{5,}\b")
_ERROR_TEXT: Final = re.compile(r"^((?:\w+\.)*\w*(?:Error|Exception|Warning)): .*")


def run_child(context: JobContext, task: str, folder: Path) -> dict[str, Any]:
    """Do a task in a process of its own, and wait for it.

    The process steps back behind serving, reports through the context, and is killed when the job
    shall stop or this process ends. It may find the folder as a killed one before it left it.

    Args:
        context: Of the job that it belongs to.
        task: A name in `TASKS`, or `module:function`.
        folder: The task's files, in and out.

    Returns:
        What the task returned.

    Raises:
        KilledError: Something killed it, usually for want of memory.
        MemoryLackError: It asked for more memory than there is.
        DiskFullError: There was no room for what it wrote.
        ProcessError: It ended otherwise; the job's log has the end of what it printed.
        RankloopError: Whatever else the task raised on purpose; of what it did not, only the
            kind and the place.
        JobStoppedError: The job shall stop; the process is gone.
    """
    for name in (RESULT_FILE, FAILURE_FILE):
        (folder / name).unlink(missing_ok=True)
    (folder / ORDER_FILE).write_bytes(msgspec.json.encode(Order(task)))
    with (folder / STDERR_FILE).open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 this program itself
            [sys.executable, "-P", "-m", "rankloop.jobs.child", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            _listen(context, process)
            status = process.wait()
        finally:
            _end(process)
    if status:
        _raise_failure(context, folder, status)
    result: dict[str, Any] = msgspec.json.decode((folder / RESULT_FILE).read_bytes())
    return result


def _listen(context: JobContext, process: subprocess.Popen[bytes]) -> None:
    """Hand the child's progress on until it closes its standard output."""
    for line in _iter_lines(context, process):
        try:
            progress = msgspec.json.decode(line, type=Progress)
        except msgspec.DecodeError:
            continue
        context.report(progress.share, progress.message)


def _iter_lines(context: JobContext, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield lines as they come, and look in between whether the job shall stop."""
    assert process.stdout is not None  # noqa: S101 a pipe was asked for
    descriptor, rest = process.stdout.fileno(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            context.check()
            if not selector.select(LOOK_EVERY_S):
                # A grandchild may hold the pipe open after the child itself has gone.
                if process.poll() is not None:
                    return
                continue
            piece = os.read(descriptor, 65_536)
            if not piece:
                return
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and what it started, if anything is left, and let go of it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:  # macOS says so of a group that has only ended processes left.
        pass
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()


def _raise_failure(context: JobContext, folder: Path, status: int) -> None:
    """Raise what a child failed with."""
    for line in read_tail(folder / STDERR_FILE):
        context.log(line)
    if (folder / FAILURE_FILE).exists():
        failure = msgspec.json.decode((folder / FAILURE_FILE).read_bytes(), type=Failure)
        kind = ERRORS.get(failure.code, RankloopError)
        raise kind(failure.message, where=failure.where, hint=failure.hint)
    if status == NO_ROOM:
        raise DiskFullError(DiskFullError.title, hint="Make room, then start the job again.")
    if status == -signal.SIGKILL:
        raise KilledError(
            "the process that did the work was killed, most likely for want of memory",
            hint="Give the machine more memory, or train on less: a shorter window, fewer pairs.",
        )
    name = signal.Signals(-status).name if status < 0 else f"status {status}"
    raise ProcessError(f"the process that did the work ended with {name}")


def read_tail(path: Path) -> list[str]:
    """Read the end of what a process printed, without what may be about people.

    Quoted text, addresses, long numbers and the texts of errors are left out: libraries quote in
    them what they were given.
    """
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(file.tell() - MAX_TAIL_BYTES, 0))
        lines = file.read().decode("utf-8", "replace").replace("\r", "\n").splitlines()
    return [_strip(line) for line in lines if line.strip()][-N_TAIL:]


def _strip(line: str) -> str:
    """Take out of a line what may be about people."""
    line = _ERROR_TEXT.sub(r"\1", line)
    return _PERSONAL.sub("…", _QUOTED.sub(r"\1…\2", line))[:MAX_LINE]
