"""Real server processes for a benchmark: started on a free port, watched, stopped."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rankloop.benchmarks.load import LoadResult, LoadSpec
from rankloop.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server that answers on a loopback port."""

    port: int
    pid: int

    def read_peak_mib(self) -> float:
        """Return the most memory that the process ever held, in MiB."""
        return read_peak_mib(self.pid)


@contextmanager
def serve_rankloop(folder: Path) -> Iterator[ServerProcess]:
    """Run `rankloop serve` over a data folder."""
    port = find_free_port()
    arguments = ["-m", "rankloop.cli.main", "serve", "--data", str(folder), "--port", str(port)]
    with run_server(arguments, port) as server:
        yield server


@contextmanager
def run_server(arguments: list[str], port: int) -> Iterator[ServerProcess]:
    """Run a Python process until the block ends; wait until its port answers.

    Raises:
        UnavailableError: It ended, or did not answer within a minute.
    """
    process = subprocess.Popen(  # noqa: S603  our own interpreter, our own modules
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _wait_for(port, process)
        yield ServerProcess(port, process.pid)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=_START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def run_load_process(spec: LoadSpec, n_requests: int) -> LoadResult:
    """Send a load from a process of its own and return what it saw."""
    import msgspec

    text = msgspec.json.encode(spec).decode()
    done = subprocess.run(  # noqa: S603  our own interpreter, our own module
        [sys.executable, "-m", "rankloop.benchmarks.load", text, str(n_requests)],
        check=True,
        capture_output=True,
        timeout=spec.seconds * 10 + _START_S,
    )
    return msgspec.convert(json.loads(done.stdout), LoadResult)


def read_peak_mib(pid: int | str = "self") -> float:
    """Return the most memory that a process ever held (`VmHWM` of Linux), in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise UnavailableError(f"the system does not say what process {pid} holds")


def find_free_port() -> int:
    """Return a loopback port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until something accepts on a port."""
    give_up_at = time.monotonic() + _START_S
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            _, errors = process.communicate()
            raise UnavailableError(f"the server ended: {errors.decode()[-500:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise UnavailableError(f"nothing answered on port {port} within {_START_S:.0f} s")
