"""The background queue for applications: takes events at once, sends them when it can."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import weakref
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Unpack

from rankloop.client.batches import INTERACTIONS, SEARCHES, send_lines, to_line
from rankloop.client.calling import RetryConfig
from rankloop.client.calls import to_error
from rankloop.client.waiting import WaitingConfig, WaitingLines
from rankloop.errors import (
    EventError,
    ForbiddenError,
    RankloopError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from rankloop.tables.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rankloop.client.batches import BatchAnswer, Kind, Line
    from rankloop.client.calling import Transport
    from rankloop.client.records import InteractionFields, SearchFields

log = logging.getLogger(__name__)

COMPLAIN_EVERY_S: Final = 60.0
"""How often a problem is logged at most, in seconds."""

_MAX_DOUBLINGS: Final = 16

# A missing or wrong key can be mended while the application runs, so events wait for that too.
_WORTH_WAITING = (UnavailableError, UnauthenticatedError, ForbiddenError)


@dataclass(frozen=True, slots=True)
class SenderConfig:
    """Settings of the background queue."""

    waiting: WaitingConfig = field(default_factory=WaitingConfig)
    """How long events wait for company, and how many may."""

    retry: RetryConfig = field(default_factory=lambda: RetryConfig(first_pause_s=0.5))
    """Pauses while the server does not take events; it is tried until it does."""

    close_timeout_s: float = 5.0
    """How long closing, at exit too, may take to send what is left, in seconds."""


class SenderCounts(Record, kw_only=True, frozen=True):
    """What became of the events given to the queue; all but `retries` add up to them."""

    queued: int
    accepted: int
    duplicate: int
    rejected: int
    """Refused for good: by the server, or because they cannot be written as JSON."""
    dropped: int
    """Lost: the queue was full, or closed before the server could take them."""
    retries: int
    """Requests that had to be repeated."""


class Sender:
    """Take events now, send them in the background: `loop.sender`.

    Nothing here raises into the application or waits for the network, `flush` and `close` apart.
    While the server is away events are kept and tried again with growing pauses. Searches go out
    before interactions, so a click finds its search.

    Args:
        transport: How requests travel.
        config: Pace and bounds.
        on_error: Called with each problem, mostly from the sending thread; what it raises is
            swallowed.
    """

    def __init__(
        self,
        transport: Transport,
        config: SenderConfig | None = None,
        on_error: Callable[[RankloopError], None] | None = None,
    ) -> None:
        self.on_error = on_error
        self._transport = transport
        self._config = config or SenderConfig()
        self._last_complaint_at = -COMPLAIN_EVERY_S
        self._totals = dict.fromkeys(("accepted", "duplicate", "rejected", "dropped", "retries"), 0)
        self._start_anew()
        mine = weakref.ref(self)
        # A forked child has no sending thread, and its parent sends what was queued.
        os.register_at_fork(after_in_child=lambda: _start_anew(mine))

    def add_interaction(self, **fields: Unpack[InteractionFields]) -> str:
        """Queue one interaction and return its id; see `Interactions.create` for the fields."""
        return self._add(INTERACTIONS, fields)

    def add_search(self, **fields: Unpack[SearchFields]) -> str:
        """Queue one search and return its id; see `Searches.create` for the fields."""
        return self._add(SEARCHES, fields)

    @property
    def counts(self) -> SenderCounts:
        """What became of the events so far."""
        with self._counting:
            return SenderCounts(queued=len(self._lines), **self._totals)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Send what is queued without waiting for company.

        Args:
            timeout_s: How long to wait at most; as long as it takes when left out.

        Returns:
            Whether everything went out in time.
        """
        return self._lines.flush(timeout_s)

    def close(self, timeout_s: float | None = None) -> bool:
        """Send what is left within a time limit and stop; the second call does nothing.

        Args:
            timeout_s: The limit in seconds; the config's when left out.

        Returns:
            Whether everything went out; what did not is counted as dropped.
        """
        limit_s = self._config.close_timeout_s if timeout_s is None else timeout_s
        give_up_at = time.monotonic() + limit_s
        self._lines.close(limit_s)
        with self._counting:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, give_up_at - time.monotonic()))
        left = len(self._lines)
        if left:
            self._count("dropped", left)
            for kind in (SEARCHES, INTERACTIONS):
                self._lines.forget(kind, left)
            self._complain(UnavailableError(f"{left} events were not sent before closing"))
        return not left

    def _start_anew(self) -> None:
        """Begin with nothing waiting and no thread."""
        self._counting = threading.Lock()
        self._lines = WaitingLines(self._config.waiting)
        self._thread: threading.Thread | None = None

    def _add(self, kind: Kind, fields: Mapping[str, Any]) -> str:
        """Queue one event; whatever is wrong is counted, not raised."""
        try:
            # The moment is now, not when the server hears of it.
            line = to_line(kind, 0, {"timestamp": datetime.now(UTC), **fields})
        except RankloopError as error:
            self._count("rejected", 1)
            self._complain(error)
            return str(fields.get(kind.identifier, ""))
        if self._lines.put(kind, line):
            self._start_thread()
        else:
            self._count("dropped", 1)
            why = "closed" if self._lines.is_closed else "full"
            self._complain(UnavailableError(f"the sender is {why}; an event was dropped"))
        return line.identifier

    def _start_thread(self) -> None:
        """Start the sending thread on first use."""
        if self._thread is not None:
            return
        with self._counting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, args=(self._lines,), name="rankloop-sender", daemon=True
                )
                self._thread.start()

    def _run(self, waiting: WaitingLines) -> None:
        """Send batch after batch; pause where the server cannot take one."""
        attempt = 0
        while (batch := waiting.wait_for_batch()) is not None:
            pause_s = self._send(*batch, attempt=attempt)
            attempt += 1
            if pause_s is None:
                attempt = 0
            else:
                self._count("retries", 1)
                waiting.pause(pause_s)

    def _send(self, kind: Kind, lines: list[Line], attempt: int) -> float | None:
        """Send one batch; return a pause in seconds if it has to be tried again."""
        operation = send_lines(kind, lines)
        retry_after = None
        try:
            answer = self._transport.send(operation.call)
            retry_after = answer.headers.get("retry-after")
            if answer.status >= 400:
                raise to_error(answer)
            self._settle(kind, lines, operation.read(answer))
        except TooLargeError as error:
            if len(lines) > 1:
                return self._send(kind, lines[: len(lines) // 2], attempt)
            self._refuse(kind, lines, error)
        except Exception as error:  # noqa: BLE001 the thread's outermost door: it must not die
            if _is_final(error):
                self._refuse(kind, lines, error)
            else:
                self._complain(error)
                return self._config.retry.pause_s(min(attempt, _MAX_DOUBLINGS), retry_after)
        return None

    def _settle(self, kind: Kind, lines: list[Line], answer: BatchAnswer) -> None:
        """Count a batch that the server took, and forget it."""
        self._count("accepted", answer.accepted)
        self._count("duplicate", answer.duplicate)
        self._count("rejected", len(answer.rejected))
        for refused in answer.rejected:
            self._complain(EventError(refused.detail, where=refused.pointer))
        # Last: whoever waits in `flush` has then heard of everything.
        self._lines.forget(kind, len(lines))

    def _refuse(self, kind: Kind, lines: list[Line], error: Exception) -> None:
        """Count a batch that the server will never take, and forget it."""
        self._count("rejected", len(lines))
        self._complain(error)
        self._lines.forget(kind, len(lines))

    def _count(self, name: str, amount: int) -> None:
        with self._counting:
            self._totals[name] += amount

    def _complain(self, error: Exception) -> None:
        """Tell the application through `on_error`, and the log once a minute."""
        if not isinstance(error, RankloopError):
            error = RankloopError(f"sending failed: {type(error).__name__}")
        now = time.monotonic()
        if now - self._last_complaint_at >= COMPLAIN_EVERY_S:
            self._last_complaint_at = now
            log.warning("sending_hindered code=%s n_queued=%d", error.code, len(self._lines))
        if self.on_error is not None:
            try:
                self.on_error(error)
            except Exception:  # the application's own handler must not stop us
                log.exception("on_error_failed")


class AsyncSender:
    """The same queue for asynchronous code; only `flush` and `close` have to be awaited."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    @property
    def on_error(self) -> Callable[[RankloopError], None] | None:
        """What is called with each problem, mostly from the sending thread."""
        return self._sender.on_error

    @on_error.setter
    def on_error(self, callback: Callable[[RankloopError], None] | None) -> None:
        self._sender.on_error = callback

    @property
    def counts(self) -> SenderCounts:
        """What became of the events so far."""
        return self._sender.counts

    def add_interaction(self, **fields: Unpack[InteractionFields]) -> str:
        """Queue one interaction and return its id."""
        return self._sender.add_interaction(**fields)

    def add_search(self, **fields: Unpack[SearchFields]) -> str:
        """Queue one search and return its id."""
        return self._sender.add_search(**fields)

    async def flush(self, timeout_s: float | None = None) -> bool:
        """Send what is queued without waiting for company; say whether all went out in time."""
        return await asyncio.to_thread(self._sender.flush, timeout_s)

    async def close(self, timeout_s: float | None = None) -> bool:
        """Send what is left within a time limit and stop; say whether all went out."""
        return await asyncio.to_thread(self._sender.close, timeout_s)


def _is_final(error: Exception) -> bool:
    """Say whether sending the same batch again would get the same refusal."""
    return (
        isinstance(error, RankloopError)
        and error.status < 500
        and not isinstance(error, _WORTH_WAITING)
    )


def _start_anew(reference: weakref.ReferenceType[Sender]) -> None:
    """Empty a sender after a fork, if it is still there."""
    sender = reference()
    if sender is not None:
        sender._start_anew()
