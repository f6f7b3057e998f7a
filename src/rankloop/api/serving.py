"""How the application is served: uvicorn on uvloop, each answer in one write.

uvicorn writes the head and the body of an answer apart, and every write is a system call. Under
thousands of small answers a second that was a third of the server's time, so writes of one turn of
the event loop are joined.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from typing import TYPE_CHECKING, Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from rankloop.api.capture import Application

BACKLOG: Final = 2_048
"""Connections that may wait to be accepted."""

_GC_THRESHOLD: Final = 50_000

_M_ARENA_MAX: Final = -8
"""glibc's name of the number of places that threads allocate from."""

_N_ARENAS: Final = 2


class JoinedWrites:
    """A transport that sends what was written in one turn of the event loop with one call."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep a piece until the end of this turn."""
        if not self._parts:
            asyncio.get_running_loop().call_soon(self.flush)
        self._parts.append(data)

    def flush(self) -> None:
        """Send what was kept."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def close(self) -> None:
        """Send what was kept, then close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the transport has
        return getattr(self._transport, name)


class JoiningProtocol(HttpToolsProtocol):
    """uvicorn's protocol over such a transport."""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  as uvicorn declares it
        """Take a new connection."""
        super().connection_made(cast("asyncio.Transport", JoinedWrites(transport)))


def spare_memory() -> None:
    """Let all threads allocate from two places, where the C library is glibc.

    Each thread would get one of its own, and what it frees there serves no other: batches pass
    through several threads, and a hundred MiB lay idle under load.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _N_ARENAS)


def build_config(application: Application, *, grace_s: int) -> uvicorn.Config:
    """Say how an application is served; the server runs on a socket that the caller bound.

    Args:
        application: The front and all behind it.
        grace_s: How long requests under way may take after the signal to stop, in seconds.
    """
    # The parts of the application live as long as the process: the collector need not look.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    return uvicorn.Config(
        application,
        loop="uvloop",
        http=JoiningProtocol,
        lifespan="auto",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=grace_s,
    )
