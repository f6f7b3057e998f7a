"""`rankloop serve`: the API over a data folder, until it is told to stop."""

import gc
import os
import signal
import socket
from typing import TYPE_CHECKING, Final

from rankloop.cli.output import OK
from rankloop.cli.target import HERE, Target
from rankloop.errors import ForbiddenError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from rankloop.wiring import Engine

EXAMPLES: Final = """\
rankloop serve
rankloop serve --data ./shop-data --port 9000
rankloop serve --port 0            # any free port; the first line says which
rankloop serve --host 0.0.0.0      # needs a key: rankloop keys create"""

EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 read, never bound
"""Addresses that mean every interface, and how this machine reaches itself then."""

GRACE_S: Final = 10
"""How long requests under way may take after the signal to stop, in seconds."""


def serve(target: Target = HERE, *, host: str | None = None, port: int | None = None) -> int:
    """Answer the API over a data folder until SIGTERM or Ctrl-C.

    On the way out everything acknowledged is delivered to the store. An
    address that other machines can reach needs a key first.

    Args:
        target: The data folder.
        host: Address to bind; the setting server.host (127.0.0.1) when left out.
        port: Port to bind, 0 for any free one; the setting server.port (8400) when left out.
    """
    from rankloop.api.serving import spare_memory
    from rankloop.telemetry import configure_logging
    from rankloop.wiring import load_folder_settings, open_engine

    spare_memory()
    folder = target.need_folder("serve")
    given: dict[str, object] = {"server.host": host, "server.port": port}
    overrides = {name: value for name, value in given.items() if value is not None}
    loaded = load_folder_settings(folder, overrides)
    configure_logging(loaded.settings.server.log_level.upper())
    engine = open_engine(folder, loaded)
    try:
        check_keys(engine, folder)
        engine.serving.warm()
        with bind(loaded.settings.server.host, loaded.settings.server.port) as listener:
            _run(engine, listener, target)
    finally:
        engine.close()
    return OK


def check_keys(engine: "Engine", folder: "Path") -> None:
    """Refuse to listen beyond this machine while nobody needs a key.

    Raises:
        ForbiddenError: The address is not loopback and no key works.
    """
    from rankloop.api.doors import is_loopback

    host = engine.settings.server.host
    if not is_loopback(host) and not engine.keys.has_active():
        raise ForbiddenError(
            f"{host} can be reached from other machines, and there is no key",
            where="server.host",
            hint=f"Make one first: rankloop keys create --scope admin --data {folder}",
        )


def bind(host: str, port: int) -> socket.socket:
    """Take the address.

    Raises:
        UnavailableError: It is taken, or is not an address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise UnavailableError(
            f"cannot listen on {host} port {port}: {reason}",
            where="server.port",
            hint="--port 0 takes any free port.",
        ) from error
    listener.set_inheritable(True)
    return listener


def to_url(host: str, port: int) -> str:
    """Write the address at which this machine reaches the server.

    Example:
        >>> to_url("0.0.0.0", 8400), to_url("::1", 80)
        ('http://127.0.0.1:8400', 'http://[::1]:80')
    """
    near = EVERYWHERE.get(host, host)
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


def _run(engine: "Engine", listener: socket.socket, target: Target) -> None:
    """Serve until a signal comes."""
    import uvicorn

    from rankloop.api.app import build_app
    from rankloop.api.capture import build_front
    from rankloop.api.serving import build_config

    url = to_url(engine.settings.server.host, listener.getsockname()[1])

    class AnnouncingServer(uvicorn.Server):
        """Says where it answers once it does."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            engine.folder.set_url(url)
            _announce(url, target)

    config = build_config(build_front(engine, build_app(engine)), grace_s=GRACE_S)
    # Uvicorn stops on these signals and then raises them again; the journal is still to be
    # delivered, so the second time they must not end the process.
    before = {each: signal.signal(each, _stay) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        AnnouncingServer(config).run(sockets=[listener])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        # What was frozen for speed would be reported as leaked by DuckDB when the process ends.
        gc.unfreeze()


def _announce(url: str, target: Target) -> None:
    """Say where the server answers, as the first thing on standard output."""
    output = target.open_output()
    if output.is_json:
        output.document({"url": url, "pid": os.getpid(), "data": str(target.folder)})
    else:
        output.people.print(f"Rankloop answers at {url}", soft_wrap=True)
        output.note(f"data folder {target.folder}; stop with Ctrl-C")
    output.people.file.flush()


def _stay(signum: int, frame: object) -> None:
    """Take a signal and go on."""
