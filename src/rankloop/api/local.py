"""The API without a socket: a data folder opened in this process, behind the same application.

The application runs on an event loop of its own in a private thread, so that synchronous code and
any number of the caller's event loops can share one folder.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, unquote, urlencode

from rankloop.api.app import build_app
from rankloop.api.capture import Front, FrontConfig
from rankloop.api.doors import Doors
from rankloop.client.calling import AsyncStream, NeverSentError, Stream
from rankloop.client.calls import Answer, Call, to_error, to_pairs
from rankloop.errors import UnavailableError
from rankloop.wiring import open_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator, MutableMapping
    from pathlib import Path

    from rankloop.api.capture import Application

T = TypeVar("T")
log = logging.getLogger(__name__)

MAX_WAITING: Final = 8
"""Pieces of a body that may wait for a slow reader."""


class NoKeys:
    """The keys of somebody who needs none."""

    def is_empty(self) -> bool:
        """Say that no key was ever made."""
        return True

    def scopes_of(self, token: str) -> frozenset[str] | None:
        """Know no token."""
        return None


class LocalEngine:
    """A data folder and the application over it, on a private event loop.

    Args:
        folder: The data folder; made if absent.

    Raises:
        FolderInUseError: Another process owns the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._engine = open_engine(folder.absolute())
        # Whoever can open the folder owns it: keys are for those who come over the network.
        doors = Doors(NoKeys())
        self._behind = build_app(self._engine, doors)
        self._application = Front(
            self._behind,
            intake=self._engine.intake,
            checker=self._engine.checker,
            doors=doors,
            metrics=self._engine.metrics,
            config=FrontConfig(max_body_bytes=self._engine.settings.server.max_body_bytes),
        )
        self._loop = asyncio.new_event_loop()
        self._is_open = True
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="rankloop-local", daemon=True)
        self._thread.start()

    def begin(self, call: Call) -> Exchange:
        """Hand a call to the application.

        Raises:
            NeverSentError: The folder is closed.
        """
        exchange = Exchange(call)
        self.submit(exchange.run(self._application))
        return exchange

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Do something on the private event loop."""
        # Under the lock, so that nothing is handed to a loop that has been stopped.
        with self._closing:
            if not self._is_open:
                work.close()
                raise NeverSentError("this data folder is closed")
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """End what is under way, deliver what was acknowledged, and let go of the folder."""
        with self._closing:
            if not self._is_open:
                return
            self._is_open = False
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._behind.close()
        self._engine.close()

    def _run(self) -> None:
        """Turn the loop until it is stopped, then end what is left on it."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(_end_others())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


async def _end_others() -> None:
    """End every other task of this loop."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Exchange:
    """One call and its answer; everything but `ready` is touched on the private loop only.

    The reader is woken once the answer is whole, or once enough of it waits: a small answer, the
    usual one, crosses between the threads one time.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.ready: Future[None] = Future()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.is_whole = False
        self._chunks: deque[bytes] = deque()
        self._failure: BaseException | None = None
        self._is_body_read = False
        self._changed = asyncio.Event()
        self._is_abandoned = False

    async def run(self, application: Application) -> None:
        """Let the application answer."""
        try:
            await application(_to_scope(self.call), self._receive, self._send)
        except asyncio.CancelledError:
            self._failure = UnavailableError("the data folder was closed during the call")
        except Exception as error:  # The application answers for itself; this is its last net.
            log.exception("local_call_failed")
            self._failure = UnavailableError(f"the call failed: {type(error).__name__}")
        finally:
            if not self.is_whole and self._failure is None:
                self._failure = UnavailableError("the answer broke off")
            self._wake()

    async def take(self) -> bytes:
        """Wait for more of the body and return it; empty at its end."""
        while not self._chunks and not self.is_whole and self._failure is None:
            self._changed.clear()
            await self._changed.wait()
        if self._failure is not None and not self._chunks:
            raise self._failure
        piece = b"".join(self._chunks)
        self._chunks.clear()
        self._changed.set()
        return piece

    async def abandon(self) -> None:
        """Read no more: the application is told that the client has gone."""
        self._is_abandoned = True
        self._chunks.clear()
        self._changed.set()

    def read_whole(self) -> bytes:
        """Return the rest of a whole answer; from any thread, as nothing changes it any more."""
        return b"".join(self._chunks)

    def check(self) -> None:
        """Raise what went wrong before anything was answered."""
        if self._failure is not None and not self.status:
            raise self._failure

    async def _receive(self) -> MutableMapping[str, Any]:
        if not self._is_body_read:
            self._is_body_read = True
            return {"type": "http.request", "body": self.call.body, "more_body": False}
        while not self.is_whole and not self._is_abandoned:
            self._changed.clear()
            await self._changed.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode("latin-1").lower(): value.decode("latin-1")
                for name, value in message["headers"]
            }
            return
        if message.get("body") and not self._is_abandoned:
            self._chunks.append(bytes(message["body"]))
        if not message.get("more_body"):
            self.is_whole = True
        if self.is_whole or len(self._chunks) >= MAX_WAITING:
            self._wake()
        while len(self._chunks) >= MAX_WAITING and not self.is_whole and not self._is_abandoned:
            self._changed.clear()
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        if not self.ready.done():
            self.ready.set_result(None)


class LocalTransport:
    """Calls into a folder opened in this process.

    Args:
        engine: The folder; closed with the transport.
    """

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine

    def send(self, call: Call) -> Answer:
        """Carry a call and return its answer."""
        with self.stream_any(call) as stream:
            return Answer(stream.status, stream.headers, b"".join(stream.chunks))

    @contextmanager
    def stream(self, call: Call) -> Iterator[Stream]:
        """Carry a call and hand the body of its answer over piece by piece."""
        with self.stream_any(call) as stream:
            if stream.status >= 400:
                raise to_error(Answer(stream.status, stream.headers, b"".join(stream.chunks)))
            yield stream

    @contextmanager
    def stream_any(self, call: Call) -> Iterator[Stream]:
        """Carry a call and hand its answer over, whatever its status."""
        exchange = self._engine.begin(call)
        exchange.ready.result()
        exchange.check()
        try:
            yield Stream(exchange.status, exchange.headers, self._read(exchange))
        finally:
            if not exchange.is_whole:
                self._engine.submit(exchange.abandon())

    def close(self) -> None:
        """Let go of the folder."""
        self._engine.close()

    def _read(self, exchange: Exchange) -> Iterator[bytes]:
        if exchange.is_whole:
            yield exchange.read_whole()
            return
        while piece := self._engine.submit(exchange.take()).result():
            yield piece


class AsyncLocalTransport:
    """The same for asynchronous code, from any event loop; see `LocalTransport`."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine

    async def send(self, call: Call) -> Answer:
        """Carry a call and return its answer."""
        async with self._stream_any(call) as stream:
            body = b"".join([piece async for piece in stream.chunks])
            return Answer(stream.status, stream.headers, body)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncStream]:
        """Carry a call and hand the body of its answer over piece by piece."""
        async with self._stream_any(call) as stream:
            if stream.status >= 400:
                body = b"".join([piece async for piece in stream.chunks])
                raise to_error(Answer(stream.status, stream.headers, body))
            yield stream

    async def close(self) -> None:
        """Let go of the folder."""
        await asyncio.to_thread(self._engine.close)

    @asynccontextmanager
    async def _stream_any(self, call: Call) -> AsyncIterator[AsyncStream]:
        exchange = self._engine.begin(call)
        await asyncio.wrap_future(exchange.ready)
        exchange.check()
        try:
            yield AsyncStream(exchange.status, exchange.headers, self._read(exchange))
        finally:
            if not exchange.is_whole:
                self._engine.submit(exchange.abandon())

    async def _read(self, exchange: Exchange) -> AsyncIterator[bytes]:
        if exchange.is_whole:
            yield exchange.read_whole()
            return
        while piece := await asyncio.wrap_future(self._engine.submit(exchange.take())):
            yield piece


def _to_scope(call: Call) -> dict[str, Any]:
    """Describe a call as an ASGI server would."""
    headers = {"host": "localhost", "accept": call.accept, **call.headers}
    if call.body:
        headers |= {"content-type": call.content_type, "content-length": str(len(call.body))}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": unquote(call.path),
        "raw_path": quote(call.path, safe="/%:~").encode(),
        "query_string": urlencode(to_pairs(call.parameters)).encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": None,
        "server": ("localhost", 0),
        "state": {},
    }
