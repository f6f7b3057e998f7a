"""The demo's data folder, made anew each time, and the server process over it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.errors import InputError, UnavailableError
from rankloop.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

MARK: Final = "demo.json"
"""The file that says that a folder was made by the demo."""

MADE: Final = (
    "events.duckdb*", "journal.db*", "catalog.db*", "folder.json", "secret", "identifiers",
    "spool", "exports", "indexes", "models", "jobs", "server.log", "truth.ndjson",
    "before.ndjson", "after.ndjson", "learned.html", MARK,
)  # fmt: skip
"""What the demo and its server make; anything else in the folder is left alone."""

USUAL_PORT: Final = 8400
START_S: Final = 60.0
STOP_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A server process that the demo started."""

    process: subprocess.Popen[bytes]
    url: str

    def stop(self) -> None:
        """Ask it to stop and wait until it has delivered everything."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def make_folder(folder: Path) -> None:
    """Make the folder, or make it anew where an earlier demo made it.

    Raises:
        InputError: Something else is in the folder.
        FolderInUseError: Another process owns it.
    """
    from rankloop.store.folder import LOCK_NAME, DataFolder

    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is not a folder", where="--data")
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if names - {LOCK_NAME} and MARK not in names:
        raise InputError(
            f"{folder} was not made by the demo, so it is left alone",
            where="--data",
            hint="Name another folder, or none for ./demo-data.",
        )
    _stop_earlier(folder)
    with DataFolder(folder):
        for pattern in MADE:
            for path in folder.glob(pattern):
                _remove(path)
        write_mark(folder, {})


def write_mark(folder: Path, facts: dict[str, Any]) -> None:
    """Say in the folder that the demo made it."""
    mark = {"made_by": "rankloop demo", "version": __version__, **facts}
    (folder / MARK).write_bytes(msgspec.json.encode(mark) + b"\n")


def start_server(folder: Path, *, is_left_running: bool) -> DemoServer:
    """Start `rankloop serve` over the folder and wait until it answers.

    Args:
        folder: The data folder; the server's log goes into it.
        is_left_running: Whether the server outlives the demo; then it takes the usual port if
            that is free.

    Raises:
        UnavailableError: It did not start.
    """
    port = USUAL_PORT if is_left_running and _is_free(USUAL_PORT) else 0
    command = [sys.executable, "-m", "rankloop.cli.main", "serve", "--data", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = folder / "server.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 our own command, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    if process.stdout is None:
        raise UnavailableError("the server has no output")
    with process.stdout as lines:
        first = lines.readline().decode().strip()
    if not first:
        process.wait(START_S)
        said = log.read_text("utf-8", "replace").strip().splitlines()
        raise UnavailableError(
            f"the demo's server did not start: {said[0] if said else 'it said nothing'}",
            hint=f"Its log is {log}.",
        )
    return DemoServer(process, first.rsplit(" ", 1)[-1])


def _stop_earlier(folder: Path) -> None:
    """Stop the server that an earlier demo left running, if it still owns the folder."""
    from rankloop.store.folder import read_owner

    try:
        mark = msgspec.json.decode((folder / MARK).read_bytes())
    except (OSError, msgspec.DecodeError):
        return
    pid = mark.get("pid") if isinstance(mark, dict) else None
    # Both must name it: the number alone may meanwhile belong to another process.
    if not isinstance(pid, int) or read_owner(folder).get("pid") != pid:
        return
    give_up_at = time.monotonic() + STOP_S
    try:
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < give_up_at and read_owner(folder).get("pid") == pid:
            os.kill(pid, 0)
            time.sleep(0.05)
    except (ProcessLookupError, PermissionError):
        return


def _remove(path: Path) -> None:
    """Remove a file, or a folder with what is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _is_free(port: int) -> bool:
    """Say whether nothing listens on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
