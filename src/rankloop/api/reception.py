"""What every request passes on its way in: its id, its path, browser origins, the clock."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from rankloop.api.problems import build_problem, to_answer
from rankloop.api.reading import READERS
from rankloop.telemetry import log_event, make_request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from rankloop.api.doors import Doors
    from rankloop.telemetry import Metrics

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

N_READERS: Final = 4
"""Questions that are answered at a time; others wait."""

log = logging.getLogger(__name__)


class Reception:
    """An ASGI application around another: names requests, counts them, answers browsers.

    HEAD is answered as GET is, without the body.

    An identifier in a path may hold a slash or a percent sign, escaped. Servers unescape the path
    before it is routed; here each step is escaped again, so that the steps stay what they were,
    and a handler unescapes its own.

    Reading has threads of its own: while all of them work on long questions, capture still checks
    batches in others.

    Args:
        application: What answers.
        doors: Which browser origins may read the answers.
        metrics: Where requests are counted.
    """

    def __init__(self, application: Application, doors: Doors, metrics: Metrics) -> None:
        self._application = application
        self._doors = doors
        self._readers = ThreadPoolExecutor(N_READERS, thread_name_prefix="reading")
        self._requests = metrics.counter(
            "rankloop_api_requests_total", "Requests by method and status, capture apart."
        )
        self._seconds = metrics.histogram(
            "rankloop_api_request_seconds", "Time to the end of an answer, capture apart."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            if scope["type"] == "lifespan":
                self.close()
            return
        READERS.set(self._readers)
        request_id = make_request_id()
        path = scope["path"]
        cors = self._doors.cors_headers(scope["headers"])
        extra = [(b"x-request-id", request_id.encode()), *cors]
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": _merge(message["headers"], extra)}
            await send(message)

        began = time.perf_counter()
        state = {**(scope.get("state") or {}), "request_id": request_id, "path": path}
        inner: Scope = {**scope, "path": _escape_steps(scope), "state": state}
        inner, send = _as_get(inner, send)
        try:
            await self._application(inner, receive, send_on)
        except Exception as error:
            log.exception("request_failed request_id=%s", request_id)
            if status:
                raise  # The answer has begun: only breaking it off tells the client.
            answer = to_answer(build_problem(error, path=path, request_id=request_id))
            start = {"type": "http.response.start", "status": answer.status}
            await send_on({**start, "headers": answer.headers})
            await send({"type": "http.response.body", "body": answer.body})
        took_s = time.perf_counter() - began
        self._requests.add(method=_known_method(scope["method"]), status=str(status))
        self._seconds.observe(took_s)
        log_event(
            log,
            "request_answered",
            logging.DEBUG,
            method=scope["method"],
            status=status,
            took_ms=took_s * 1_000,
            request_id=request_id,
        )

    def close(self) -> None:
        """Let the reading threads end."""
        self._readers.shutdown(wait=False, cancel_futures=True)


def _escape_steps(scope: Scope) -> str:
    """Return the path with what was escaped within a step escaped again.

    Example:
        >>> _escape_steps({"path": "/v1/users/a/b", "raw_path": b"/v1/users/a%2Fb?x=1"})
        '/v1/users/a%2Fb'
    """
    raw = scope.get("raw_path")
    if not raw or b"%" not in raw:
        return str(scope["path"])
    steps = raw.partition(b"?")[0].decode("latin-1").split("/")
    return "/".join(unquote(step).replace("%", "%25").replace("/", "%2F") for step in steps)


def _as_get(scope: Scope, send: Send) -> tuple[Scope, Send]:
    """Turn a HEAD request into a GET whose answer has no body; leave others as they are."""
    if scope["method"] != "HEAD":
        return scope, send

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return {**scope, "method": "GET"}, send_head


def _merge(
    headers: list[tuple[bytes, bytes]], extra: list[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """Add headers, in the place of those of the same name."""
    ours = {name for name, _ in extra}
    return [*((name, value) for name, value in headers if name.lower() not in ours), *extra]


def _known_method(method: str) -> str:
    """Keep the label's values few, whatever clients make up."""
    return method if method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD") else "other"
