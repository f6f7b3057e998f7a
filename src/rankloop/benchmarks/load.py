"""A load from another process: many connections, each with one request under way at a time.

It speaks just enough HTTP/1.1 to keep a server busy without being the slower side. Run as
`python -m rankloop.benchmarks.load SPEC`, where SPEC is the JSON of a `LoadSpec`; it prints the
JSON of a `LoadResult`.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from itertools import count, islice
from typing import TYPE_CHECKING, cast

import msgspec
import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class LoadSpec(msgspec.Struct, frozen=True):
    """What to send.

    Attributes:
        port: Port on 127.0.0.1.
        path: Path to post to.
        n_connections: Connections held open, each with one request under way.
        seconds: How long to send.
        n_items: Interactions per request; 1 sends an object, more sends NDJSON.
        is_named: Whether each interaction carries an id made here; where it does not, the same
            requests are sent again and again.
        seed: Part of the ids, so that two loads never send the same one.
    """

    port: int
    path: str = "/v1/retrievers/interactions"
    n_connections: int = 128
    seconds: float = 5.0
    n_items: int = 1
    is_named: bool = True
    seed: str = "load"


class LoadResult(msgspec.Struct, frozen=True):
    """What came back: answers by status, and the spread of their times in milliseconds."""

    n_ok: int
    n_failed: int
    seconds: float
    p50_ms: float
    p99_ms: float
    n_items: int


def make_item(number: int, spec: LoadSpec) -> bytes:
    """Write one interaction, all fields of the mission's example given."""
    name = f'"interaction_id":"{spec.seed}-{number}",' if spec.is_named else ""
    return (
        f'{{{name}"feature_id":"doc_{number % 9973}","interaction_type":["click"],'
        f'"position":{number % 10},"metadata":{{"duration_ms":{number % 60000},'
        f'"query":"wireless earbuds {number % 997}"}},"user_id":"user_{number % 4999}",'
        f'"session_id":"sess_{number % 19997}"}}'
    ).encode()


def iter_requests(spec: LoadSpec) -> Iterator[bytes]:
    """Yield whole requests, without end."""
    kind = "application/json" if spec.n_items == 1 else "application/x-ndjson"
    for first in count(0, spec.n_items):
        body = b"\n".join([make_item(first + place, spec) for place in range(spec.n_items)])
        head = (
            f"POST {spec.path} HTTP/1.1\r\nhost: 127.0.0.1:{spec.port}\r\n"
            f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


class _Connection(asyncio.Protocol):
    """One connection: send, wait for the whole answer, note the time, send again."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by duty, not by descent.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_END)
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(_LENGTH)
        length = int(head[at + len(_LENGTH) :].split(b"\r", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + len(_END) + length:
            return
        self._load.note(head[9:12], time.perf_counter() - self._sent_at)
        self._buffer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.n_open -= 1

    def _send(self) -> None:
        request = self._load.next_request()
        if self._transport is None:
            return
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


class _Load:
    """The whole load: its requests, its clock, its tally."""

    def __init__(self, spec: LoadSpec, requests: list[bytes]) -> None:
        self._spec = spec
        self._requests = requests
        self._next = 0
        self._times: list[float] = []
        self._n_failed = 0
        self.n_open = spec.n_connections
        self._began = 0.0
        self._ended = 0.0

    async def run(self) -> LoadResult:
        """Send until the time or the prepared requests are over."""
        loop = asyncio.get_running_loop()
        self._began = time.perf_counter()
        for _ in range(self._spec.n_connections):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._spec.port)
        while self.n_open > 0:
            await asyncio.sleep(0.02)
        times = sorted(self._times) or [0.0]
        return LoadResult(
            n_ok=len(self._times),
            n_failed=self._n_failed,
            seconds=self._ended - self._began,
            p50_ms=times[len(times) // 2] * 1e3,
            p99_ms=times[int(len(times) * 0.99)] * 1e3,
            n_items=self._spec.n_items,
        )

    def next_request(self) -> bytes | None:
        """Return the next request; None once time or requests are over."""
        is_over = time.perf_counter() - self._began > self._spec.seconds
        is_spent = self._spec.is_named and self._next >= len(self._requests)
        if is_over or is_spent:
            return None
        self._next += 1
        return self._requests[(self._next - 1) % len(self._requests)]

    def note(self, status: bytes, seconds: float) -> None:
        """Count one answer."""
        self._ended = time.perf_counter()
        if status in (b"200", b"201", b"202"):
            self._times.append(seconds)
        else:
            self._n_failed += 1


def run_load(spec: LoadSpec, n_requests: int) -> LoadResult:
    """Prepare the requests, then send them; the making of them is not timed."""
    requests = list(islice(iter_requests(spec), n_requests))
    # It shares the cores with the server: looking for garbage among the requests would cost both.
    gc.collect()
    gc.disable()
    return uvloop.run(_Load(spec, requests).run())


if __name__ == "__main__":
    given = msgspec.json.decode(sys.argv[1].encode(), type=LoadSpec)
    n_prepared = int(sys.argv[2])
    sys.stdout.write(msgspec.json.encode(run_load(given, n_prepared)).decode() + "\n")
