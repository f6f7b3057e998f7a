"""The other end of a job's child process: one task, its files in a folder, progress by lines.

`python -m rankloop.jobs.child FOLDER` does the task that the folder names. What it imports before
that is little: a task brings its own libraries.
"""

from __future__ import annotations

import errno
import fcntl
import importlib
import os
import signal
import stat
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from rankloop.errors import (
    ConflictError,
    DiskFullError,
    InputError,
    MemoryLackError,
    RankloopError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rankloop.jobs.context import Report

    Task = Callable[[Path, Report], Mapping[str, Any] | None]

TASKS: Final[dict[str, str]] = {
    "train_adapter": "rankloop.jobs.adapter_task:run",
    "train_encoder": "rankloop.jobs.encoder_task:run",
}
"""Every task by its name, as `module:function`; the function takes the folder and `report`."""

ORDER_FILE: Final = "order.json"
RESULT_FILE: Final = "result.json"
FAILURE_FILE: Final = "failure.json"
LOCK_FILE: Final = "child.lock"

NICENESS: Final = 10
"""How far training steps back behind serving."""

LOCK_WAIT_S: Final = 20.0
"""How long a child waits for one before it to be gone, in seconds."""

NO_ROOM: Final = 2
"""Exit status of a child that could not even write down why it failed."""

_NO_ROOM_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Order(msgspec.Struct, frozen=True):
    """What a child is to do."""

    task: str


class Progress(msgspec.Struct, frozen=True):
    """One line of a child's standard output."""

    share: float
    message: str = ""


class Failure(msgspec.Struct, frozen=True):
    """Why a child could not do it."""

    code: str
    message: str
    where: str = ""
    hint: str = ""


def find_task(name: str) -> Task:
    """Return a task by its name, or by `module:function`.

    Raises:
        InputError: There is none of this name.
    """
    module, _, function = TASKS.get(name, name).partition(":")
    if not function:
        raise InputError(f"there is no task {name!r}", hint=f"Known: {', '.join(TASKS)}.")
    return cast("Task", getattr(importlib.import_module(module), function))


def to_failure(error: Exception) -> Failure:
    """Say what went wrong, without what a library says about it: that may quote what people typed.

    Example:
        >>> to_failure(MemoryError()).code
        'out_of_memory'
    """
    if isinstance(error, RankloopError):
        return Failure(error.code, str(error), error.where, error.hint)
    # That of torch is no MemoryError, and is of the same name wherever it is raised.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Failure(MemoryLackError.code, MemoryLackError.title)
    if is_disk_full(error):
        return Failure(DiskFullError.code, DiskFullError.title)
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    return Failure(RankloopError.code, f"{type(error).__name__} at {place}")


def is_disk_full(error: Exception) -> bool:
    """Say whether there was no room, for a file or for SQLite.

    Example:
        >>> is_disk_full(OSError(errno.ENOSPC, "No space left on device"))
        True
    """
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM_ERRORS
    # SQLAlchemy wraps what its driver raised.
    cause = getattr(error, "orig", error)
    return getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL"


def main(folder: Path) -> int:
    """Do the task that a folder names.

    Returns:
        The exit status: 0 done, 1 not, and the folder says why; 2 where it has no room for that.
    """
    _end_with_parent()
    os.nice(NICENESS)
    # NumPy is not there yet. Its threads cost small products more than they bring, and one thread
    # always adds up in the same order.
    os.putenv("OPENBLAS_NUM_THREADS", "1")
    report = _take_standard_output()
    try:
        with (folder / LOCK_FILE).open("wb") as lock:
            _wait_for_lock(lock.fileno())
            order = msgspec.json.decode((folder / ORDER_FILE).read_bytes(), type=Order)
            result = find_task(order.task)(folder, report)
            _write(folder / RESULT_FILE, msgspec.json.encode(result or {}))
    except Exception as error:  # noqa: BLE001 the outermost door: the parent raises it again
        try:
            _write(folder / FAILURE_FILE, msgspec.json.encode(to_failure(error)))
            # Standard error is a file on the same disk.
            traceback.print_exc()
        except OSError:
            return NO_ROOM
        return 1
    return 0


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def _wait_for_lock(descriptor: int) -> None:
    """Wait until no other child works in this folder.

    Raises:
        ConflictError: One still does.
    """
    give_up_at = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise ConflictError("an earlier process still works in this folder") from None
            time.sleep(0.05)
        else:
            return


def _take_standard_output() -> Report:
    """Keep standard output for progress; what anything else prints goes to standard error."""
    lines = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    lock = threading.Lock()

    def report(share: float, message: str) -> None:
        line = msgspec.json.encode(Progress(float(share), message)) + b"\n"
        with lock:
            lines.write(line)

    return report


def _end_with_parent() -> None:
    """See to it that this process and those it starts end with the one that started it.

    The parent holds the other end of standard input and never writes to it: it is closed when the
    parent ends, however it ends.
    """
    if not stat.S_ISFIFO(os.fstat(0).st_mode):
        return
    threading.Thread(target=_watch_parent, name="watch-parent", daemon=True).start()


def _watch_parent() -> None:
    """Wait for the parent's end, and end everything here."""
    while os.read(0, 1):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
