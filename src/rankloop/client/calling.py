"""How calls are made: repeated where that is safe, with errors that say what they mean."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from rankloop.client.calls import to_error
from rankloop.errors import RankloopError, SettingsError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from rankloop.client.calls import Answer, Call, Operation

T = TypeVar("T")
WAITING: Final = frozenset({429, 502, 503, 504})
"""Answers after which the same call may succeed a little later."""


class NeverSentError(UnavailableError):
    """The call did not leave this process, so sending it again repeats nothing."""


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """How patient a client is."""

    n_attempts: int = 4
    """How often a call is sent at most, 1 or more."""

    first_pause_s: float = 0.2
    """Pause before the second attempt, in seconds; each later one doubles, with jitter."""

    max_pause_s: float = 30.0
    """Longest pause, in seconds, whatever the server asks for."""

    timeout_s: float = 60.0
    """Longest wait for an answer, in seconds."""

    def __post_init__(self) -> None:
        if self.n_attempts < 1:
            raise SettingsError("n_attempts must be 1 or more", where="n_attempts")
        if min(self.first_pause_s, self.max_pause_s, self.timeout_s) < 0:
            raise SettingsError("pauses and timeouts may not be negative", where="timeout_s")

    def pause_s(self, attempt: int, retry_after: str | None = None) -> float:
        """Return how long to wait after an attempt, counted from 0.

        Example:
            >>> RetryConfig(first_pause_s=0).pause_s(0), RetryConfig().pause_s(0, "2")
            (0.0, 2.0)
        """
        if retry_after is not None and retry_after.isdigit():
            return min(float(retry_after), self.max_pause_s)
        # Jitter keeps clients that failed together from coming back together.
        share = random.uniform(0.5, 1.0)  # noqa: S311 nothing secret hangs on it
        return share * min(self.first_pause_s * 2.0**attempt, self.max_pause_s)


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is read piece by piece."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class AsyncStream:
    """An answer whose body is read piece by piece, asynchronously."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Transport(Protocol):
    """What carries calls: a connection pool, or the application in this process."""

    def send(self, call: Call) -> Answer:
        """Carry a call one time and return whatever comes back.

        Raises:
            UnavailableError: No answer came; `NeverSentError` where the call never left.
        """
        ...

    def stream(self, call: Call) -> AbstractContextManager[Stream]:
        """Carry a call one time and hand the body of its answer over piece by piece."""
        ...

    def close(self) -> None:
        """Let go of the other side; the second call does nothing."""
        ...


class AsyncTransport(Protocol):
    """The same for asynchronous code."""

    async def send(self, call: Call) -> Answer:
        """Carry a call one time and return whatever comes back."""
        ...

    def stream(self, call: Call) -> AbstractAsyncContextManager[AsyncStream]:
        """Carry a call one time and hand the body of its answer over piece by piece."""
        ...

    async def close(self) -> None:
        """Let go of the other side; the second call does nothing."""
        ...


class Caller:
    """Make calls over a transport.

    Args:
        transport: What carries them.
        config: How patient to be.
    """

    def __init__(self, transport: Transport, config: RetryConfig | None = None) -> None:
        self.transport = transport
        self._config = config or RetryConfig()

    def run(self, operation: Operation[T]) -> T:
        """Make a call, again where that is safe, and read its answer.

        Raises:
            RankloopError: The server refused; the class is the one that it raised.
            UnavailableError: No answer came.
        """
        return operation.read(self._send(operation.call))

    def follow(self, plan: Generator[Operation[Any], Any, T]) -> T:
        """Run operations one after the other as a plan asks for them, and return its result."""
        try:
            operation = next(plan)
            while True:
                try:
                    value = self.run(operation)
                except RankloopError as error:
                    operation = plan.throw(error)
                else:
                    operation = plan.send(value)
        except StopIteration as done:
            result: T = done.value
            return result

    def _send(self, call: Call) -> Answer:
        """Send until an answer counts, or patience ends."""
        attempt = 0
        while True:
            answer: Answer | None = None
            try:
                answer = self.transport.send(call)
                if answer.status < 400:
                    return answer
                raise to_error(answer)
            except RankloopError as error:
                pause_s = _next_pause(self._config, attempt, call, answer, error)
                if pause_s is None:
                    raise
            time.sleep(pause_s)
            attempt += 1


class AsyncCaller:
    """Make calls over an asynchronous transport; see `Caller`."""

    def __init__(self, transport: AsyncTransport, config: RetryConfig | None = None) -> None:
        self.transport = transport
        self._config = config or RetryConfig()

    async def run(self, operation: Operation[T]) -> T:
        """Make a call, again where that is safe, and read its answer."""
        return operation.read(await self._send(operation.call))

    async def follow(self, plan: Generator[Operation[Any], Any, T]) -> T:
        """Run operations one after the other as a plan asks for them, and return its result."""
        try:
            operation = next(plan)
            while True:
                try:
                    value = await self.run(operation)
                except RankloopError as error:
                    operation = plan.throw(error)
                else:
                    operation = plan.send(value)
        except StopIteration as done:
            result: T = done.value
            return result

    async def _send(self, call: Call) -> Answer:
        """Send until an answer counts, or patience ends."""
        attempt = 0
        while True:
            answer: Answer | None = None
            try:
                answer = await self.transport.send(call)
                if answer.status < 400:
                    return answer
                raise to_error(answer)
            except RankloopError as error:
                pause_s = _next_pause(self._config, attempt, call, answer, error)
                if pause_s is None:
                    raise
            await asyncio.sleep(pause_s)
            attempt += 1


def _next_pause(
    config: RetryConfig, attempt: int, call: Call, answer: Answer | None, error: RankloopError
) -> float | None:
    """Return how long to wait before sending again; None where that is no use or not safe."""
    if attempt + 1 >= config.n_attempts:
        return None
    if answer is not None:
        # The server said that it did not do it, so repeating is safe for any call.
        if answer.status not in WAITING:
            return None
        return config.pause_s(attempt, answer.headers.get("retry-after"))
    is_safe = call.is_repeatable or isinstance(error, NeverSentError)
    return config.pause_s(attempt) if is_safe else None
