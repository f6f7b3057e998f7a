"""How calls travel: over HTTP, again and again where that is safe."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import httpx2

from rankloop.client.calls import Answer, Call, Operation, to_error, to_pairs
from rankloop.errors import InputError, RankloopError, SettingsError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

T = TypeVar("T")
WAITING: Final = frozenset({429, 502, 503, 504})
"""Answers after which the same call may succeed a little later."""

# The server has not seen a call that failed like this, so sending it again repeats nothing.
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """How patient a client is."""

    n_attempts: int = 4
    """How often a call is sent at most, 1 or more."""

    first_pause_s: float = 0.2
    """Pause before the second attempt, in seconds; each later one doubles, with jitter."""

    max_pause_s: float = 30.0
    """Longest pause, in seconds, whatever the server asks for."""

    timeout_s: float = 30.0
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
    headers: dict[str, str]
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class AsyncStream:
    """An answer whose body is read piece by piece, asynchronously."""

    status: int
    headers: dict[str, str]
    chunks: AsyncIterator[bytes]


class HttpTransport:
    """Calls over a connection pool; closes it with `close()`.

    Args:
        client: The pool, with its base address and headers.
        config: How patient to be.
    """

    def __init__(self, client: httpx2.Client, config: RetryConfig | None = None) -> None:
        self._client = client
        self._config = config or RetryConfig()

    def run(self, operation: Operation[T]) -> T:
        """Send a call, again where that is safe, and read its answer.

        Raises:
            RankloopError: The server refused; the class is the one that it raised.
            UnavailableError: No answer came.
        """
        return operation.read(self.send(operation.call))

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

    def send(self, call: Call) -> Answer:
        """Send a call, again where that is safe; raise what an answer of 400 or above means."""
        for attempt in range(self._config.n_attempts):
            is_last = attempt + 1 == self._config.n_attempts
            try:
                answer = self.send_once(call)
            except UnavailableError as error:
                if is_last or not _may_repeat(call, error):
                    raise
                pause_s = self._config.pause_s(attempt)
            else:
                if answer.status not in WAITING or is_last:
                    return _checked(answer)
                pause_s = self._config.pause_s(attempt, answer.headers.get("retry-after"))
            time.sleep(pause_s)
        raise UnavailableError("the call was never sent")

    def send_once(self, call: Call) -> Answer:
        """Send a call one time and return whatever comes back.

        Raises:
            UnavailableError: No answer came.
        """
        with _said_plainly(call):
            response = self._client.send(_build(self._client, call))
            return Answer(response.status_code, _headers(response), response.content)

    @contextmanager
    def stream(self, call: Call) -> Iterator[Stream]:
        """Send a call one time and hand its body over piece by piece."""
        with _said_plainly(call):
            response = self._client.send(_build(self._client, call), stream=True)
            try:
                if response.status_code >= 400:
                    body = response.read()
                    raise to_error(Answer(response.status_code, _headers(response), body))
                yield Stream(response.status_code, _headers(response), response.iter_bytes())
            finally:
                response.close()

    def close(self) -> None:
        """Close the pool."""
        self._client.close()


class AsyncHttpTransport:
    """The same calls for asynchronous code.

    Args:
        client: The pool, with its base address and headers.
        config: How patient to be.
    """

    def __init__(self, client: httpx2.AsyncClient, config: RetryConfig | None = None) -> None:
        self._client = client
        self._config = config or RetryConfig()

    async def run(self, operation: Operation[T]) -> T:
        """Send a call, again where that is safe, and read its answer."""
        return operation.read(await self.send(operation.call))

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

    async def send(self, call: Call) -> Answer:
        """Send a call, again where that is safe; raise what an answer of 400 or above means."""
        for attempt in range(self._config.n_attempts):
            is_last = attempt + 1 == self._config.n_attempts
            try:
                answer = await self.send_once(call)
            except UnavailableError as error:
                if is_last or not _may_repeat(call, error):
                    raise
                pause_s = self._config.pause_s(attempt)
            else:
                if answer.status not in WAITING or is_last:
                    return _checked(answer)
                pause_s = self._config.pause_s(attempt, answer.headers.get("retry-after"))
            await asyncio.sleep(pause_s)
        raise UnavailableError("the call was never sent")

    async def send_once(self, call: Call) -> Answer:
        """Send a call one time and return whatever comes back."""
        with _said_plainly(call):
            response = await self._client.send(_build(self._client, call))
            return Answer(response.status_code, _headers(response), response.content)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncStream]:
        """Send a call one time and hand its body over piece by piece."""
        with _said_plainly(call):
            response = await self._client.send(_build(self._client, call), stream=True)
            try:
                if response.status_code >= 400:
                    body = await response.aread()
                    raise to_error(Answer(response.status_code, _headers(response), body))
                yield AsyncStream(response.status_code, _headers(response), response.aiter_bytes())
            finally:
                await response.aclose()

    async def close(self) -> None:
        """Close the pool."""
        await self._client.aclose()


def _build(client: httpx2.Client | httpx2.AsyncClient, call: Call) -> httpx2.Request:
    """Write a call as a request of the library."""
    headers = {"accept": call.accept, **call.headers}
    if call.body:
        headers["content-type"] = call.content_type
    try:
        return client.build_request(
            call.method,
            call.path,
            params=urlencode(to_pairs(call.parameters)) or None,
            content=call.body or None,
            headers=headers,
        )
    except httpx2.InvalidURL as error:
        raise InputError(f"{call.path} is not an address: {error}") from error


def _headers(response: httpx2.Response) -> dict[str, str]:
    """Return the headers by name in lower case."""
    return {name.lower(): value for name, value in response.headers.items()}


def _checked(answer: Answer) -> Answer:
    """Return the answer, or raise what it means."""
    if answer.status >= 400:
        raise to_error(answer)
    return answer


def _may_repeat(call: Call, error: UnavailableError) -> bool:
    """Say whether a call without an answer may be sent again."""
    return call.is_repeatable or isinstance(error.__cause__, _NEVER_SENT)


@contextmanager
def _said_plainly(call: Call) -> Iterator[None]:
    """Turn the library's exceptions into ours."""
    try:
        yield
    except httpx2.UnsupportedProtocol as error:
        raise InputError("an address begins with http:// or https://") from error
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        reason = str(error) or type(error).__name__
        raise UnavailableError(
            f"no answer to {call.method} {call.path}: {reason}",
            hint="Is the server running at this address?",
        ) from error
