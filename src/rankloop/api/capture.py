"""The front: capture answered by a bare handler, everything else handed to the application.

The capture paths take most requests and do little in each, so that a framework's routing and
dependency injection would be most of the work. They are three addresses; the rest of the API is a
Litestar application behind.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec

from rankloop.api.batches import Batch, read_body, split_batch
from rankloop.api.doors import Doors, is_loopback
from rankloop.api.problems import build_problem, to_answer
from rankloop.capture.written import (
    Judged,
    WrittenRows,
    judge,
    write_interactions,
    write_searches,
)
from rankloop.errors import EventError, Fault, FaultsError, RankloopError
from rankloop.events.identity import to_search_id
from rankloop.events.rows import InteractionRow, SearchRow
from rankloop.events.verdicts import Rejection
from rankloop.events.views import to_accepted
from rankloop.telemetry import Metrics, make_request_id

if TYPE_CHECKING:
    from rankloop.api.doors import RawHeaders
    from rankloop.capture.checks import Checked, Checker
    from rankloop.capture.intake import Intake
    from rankloop.wiring import Engine

Row = TypeVar("Row", InteractionRow, SearchRow)
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

INTERACTIONS: Final = "/v1/retrievers/interactions"
BATCH: Final = "/v1/retrievers/interactions/batch"
SEARCHES: Final = "/v1/searches"

_JSON: Final = (b"content-type", b"application/json")
_THREAD_FROM: Final = 256
_encode: Final = msgspec.json.Encoder().encode

log = logging.getLogger(__name__)


class RejectedEventError(FaultsError):
    """The one event of a request breaks a rule; the fault says where and why."""

    code = EventError.code
    title = EventError.title


class SearchAnswer(msgspec.Struct, frozen=True):
    """The answer to one search posted."""

    search_id: str
    status: str


class ManyAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to many: accepted + duplicate + rejected = sent."""

    accepted: int
    duplicate: int
    rejected: list[Rejection]
    duplicates: list[int] = []
    """Places in the batch of the duplicates; left out where there are none."""


class ManySearchesAnswer(ManyAnswer, frozen=True):
    """The same for searches, with the id of each in the order sent; null where rejected."""

    search_ids: list[str | None] = []


@dataclass(frozen=True, slots=True)
class FrontConfig:
    """Settings of the front."""

    max_body_bytes: int = 5_242_880
    """Most bytes of one capture request."""


class Front:
    """An ASGI application: capture here, the rest behind.

    Args:
        application: Answers everything that is not capture.
        intake: Makes rows durable.
        checker: The law on what is valid.
        doors: Who may come in.
        metrics: Where events are counted.
        config: Limits.
    """

    def __init__(
        self,
        application: Application,
        *,
        intake: Intake,
        checker: Checker,
        doors: Doors,
        metrics: Metrics,
        config: FrontConfig | None = None,
    ) -> None:
        self._application = application
        self._intake = intake
        self._checker = checker
        self._doors = doors
        self._config = config or FrontConfig()
        self._checking = ThreadPoolExecutor(1, thread_name_prefix="checking")
        self._routes = {
            INTERACTIONS: self._take_interactions,
            BATCH: self._take_interactions,
            SEARCHES: self._take_searches,
        }
        self._events = metrics.counter(
            "rankloop_capture_events_total", "Events by kind and what became of them."
        )
        self._seconds = metrics.histogram(
            "rankloop_capture_request_seconds", "Time to answer a capture request."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers: RawHeaders = scope["headers"]
        path: str = scope["path"]
        try:
            self._doors.check_host(headers)
        except RankloopError as error:
            await _send_error(send, error, path, [])
            return
        take = self._routes.get(path)
        if take is None or scope["method"] not in ("POST", "OPTIONS"):
            await self._application(scope, receive, send)
            return
        cors = self._doors.cors_headers(headers)
        if scope["method"] == "OPTIONS":
            await _send(send, 204, b"", [_to_length(b""), *cors])
            return
        began = time.perf_counter()
        try:
            self._doors.check_key(headers, "capture")
            body = await read_body(receive, headers, self._config.max_body_bytes)
            batch = split_batch(body, headers, is_always_many=path == BATCH)
            status, answer = await take(batch)
        except RankloopError as error:
            await _send_error(send, error, path, cors)
        except Exception as error:  # The outermost door: say that it was our fault, no more.
            log.exception("capture_failed")
            await _send_error(send, error, path, cors)
        else:
            await _send(send, status, answer, [_JSON, _to_length(answer), *cors])
        self._seconds.observe(time.perf_counter() - began)

    async def _take_interactions(self, batch: Batch) -> tuple[int, bytes]:
        check = partial(self._checker.check_interactions, received_at=time.time_ns() // 1_000)
        if batch.is_many:
            judged = await self._judge(batch, check, write_interactions)
            duplicates = await self._intake.take_interactions(judged.written)
            counts = self._count("interaction", judged, duplicates)
            places = _duplicate_places(judged, duplicates)
            return 202, _encode(ManyAnswer(*counts, judged.rejected, places))
        checked = check(batch.items)
        if checked.rejected:
            self._events.add(kind="interaction", outcome="rejected")
            raise _to_error(checked.rejected[0])
        (is_duplicate,) = await self._intake.take_interactions(write_interactions(checked))
        outcome = "duplicate" if is_duplicate else "accepted"
        self._events.add(kind="interaction", outcome=outcome)
        return 201, _encode(to_accepted(checked.rows[0], is_duplicate=is_duplicate))

    async def _take_searches(self, batch: Batch) -> tuple[int, bytes]:
        check = partial(self._checker.check_searches, received_at=time.time_ns() // 1_000)
        judged = await self._judge(batch, check, write_searches)
        if not batch.is_many and judged.rejected:
            self._events.add(kind="search", outcome="rejected")
            raise _to_error(judged.rejected[0])
        duplicates = await self._intake.take_searches(judged.written)
        counts = self._count("search", judged, duplicates)
        names = [to_search_id(name) for name in judged.written.names]
        if not batch.is_many:
            status = "duplicate" if duplicates[0] else "accepted"
            return 201, _encode(SearchAnswer(names[0], status))
        search_ids: list[str | None] = [None] * len(batch.items)
        for index, name in zip(judged.row_indexes, names, strict=True):
            search_ids[index] = name
        places = _duplicate_places(judged, duplicates)
        return 202, _encode(ManySearchesAnswer(*counts, judged.rejected, places, search_ids))

    async def _judge(
        self,
        batch: Batch,
        check: Callable[[Sequence[bytes | msgspec.Raw]], Checked[Row]],
        write: Callable[[Checked[Row]], WrittenRows],
    ) -> Judged:
        """Check a batch; a large one in the thread for it, one at a time.

        Together they would take as long, and all be committed at the end; in turn, one is written
        to the disk while the next is checked.
        """
        if len(batch.items) < _THREAD_FROM:
            return judge(batch.items, check, write)
        call = partial(judge, batch.items, check, write)
        return await asyncio.get_running_loop().run_in_executor(self._checking, call)

    def _count(self, kind: str, judged: Judged, duplicates: list[bool]) -> tuple[int, int]:
        """Count what became of events; return how many were accepted and how many known."""
        n_duplicate = sum(duplicates)
        n_accepted = len(duplicates) - n_duplicate
        for outcome, amount in (
            ("accepted", n_accepted),
            ("duplicate", n_duplicate),
            ("rejected", len(judged.rejected)),
        ):
            if amount:
                self._events.add(amount, kind=kind, outcome=outcome)
        return n_accepted, n_duplicate


def build_front(engine: Engine, application: Application) -> Front:
    """Put the capture front before the application, on one engine.

    Args:
        engine: Every part of the installation.
        application: Answers everything that is not capture.
    """
    server = engine.settings.server
    return Front(
        application,
        intake=engine.intake,
        checker=engine.checker,
        doors=Doors(
            engine.keys,
            is_local=is_loopback(server.host),
            cors_origins=frozenset(server.cors_origins),
        ),
        metrics=engine.metrics,
        config=FrontConfig(max_body_bytes=server.max_body_bytes),
    )


def _duplicate_places(judged: Judged, duplicates: list[bool]) -> list[int]:
    """Return where in the batch the duplicates stood."""
    if not any(duplicates):
        return []
    return [
        index
        for index, is_duplicate in zip(judged.row_indexes, duplicates, strict=True)
        if is_duplicate
    ]


def _to_error(rejection: Rejection) -> RejectedEventError:
    """Turn the one verdict of a single event into the error of the whole request."""
    fault = Fault(rejection.pointer, rejection.code, rejection.detail)
    return RejectedEventError(rejection.detail, [fault])


def _to_length(body: bytes) -> tuple[bytes, bytes]:
    """Write the header that says how long an answer is."""
    return b"content-length", b"%d" % len(body)


async def _send_error(
    send: Send, error: Exception, path: str, extra: list[tuple[bytes, bytes]]
) -> None:
    """Answer with a problem document."""
    answer = to_answer(build_problem(error, path=path, request_id=make_request_id()))
    await _send(send, answer.status, answer.body, [*answer.headers, *extra])


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send a whole answer, whose headers say its length."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
