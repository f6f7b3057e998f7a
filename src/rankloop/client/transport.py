"""Calls over HTTP: the one module that knows the library that speaks it."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import httpx2

from rankloop.client.calling import AsyncStream, NeverSentError, Stream
from rankloop.client.calls import Answer, Call, to_error, to_pairs
from rankloop.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

USER_AGENT: Final = "rankloop-python"

_MAX_CONNECTIONS: Final = 100
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class HttpTransport:
    """A pool of connections to one server.

    Args:
        url: Its address, `http://…` or `https://…`.
        api_key: Its key, where it asks for one.
        timeout_s: Longest wait for an answer, in seconds.

    Raises:
        InputError: The address is none, or the key cannot be one.
    """

    def __init__(self, url: str, api_key: str | None = None, timeout_s: float = 60.0) -> None:
        self._client = httpx2.Client(
            base_url=_check_url(url),
            headers=_to_headers(api_key),
            timeout=timeout_s,
            limits=httpx2.Limits(max_connections=_MAX_CONNECTIONS),
        )

    def send(self, call: Call) -> Answer:
        """Carry a call one time and return whatever comes back."""
        with _said_plainly(call):
            response = self._client.send(_build(self._client, call))
            return Answer(response.status_code, _headers_of(response), response.content)

    @contextmanager
    def stream(self, call: Call) -> Iterator[Stream]:
        """Carry a call one time and hand the body of its answer over piece by piece."""
        with _said_plainly(call):
            response = self._client.send(_build(self._client, call), stream=True)
            try:
                headers = _headers_of(response)
                if response.status_code >= 400:
                    raise to_error(Answer(response.status_code, headers, response.read()))
                yield Stream(response.status_code, headers, response.iter_bytes())
            finally:
                response.close()

    def close(self) -> None:
        """Close the pool."""
        self._client.close()


class AsyncHttpTransport:
    """The same for asynchronous code; see `HttpTransport`."""

    def __init__(self, url: str, api_key: str | None = None, timeout_s: float = 60.0) -> None:
        self._client = httpx2.AsyncClient(
            base_url=_check_url(url),
            headers=_to_headers(api_key),
            timeout=timeout_s,
            limits=httpx2.Limits(max_connections=_MAX_CONNECTIONS),
        )

    async def send(self, call: Call) -> Answer:
        """Carry a call one time and return whatever comes back."""
        with _said_plainly(call):
            response = await self._client.send(_build(self._client, call))
            return Answer(response.status_code, _headers_of(response), response.content)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncStream]:
        """Carry a call one time and hand the body of its answer over piece by piece."""
        with _said_plainly(call):
            response = await self._client.send(_build(self._client, call), stream=True)
            try:
                headers = _headers_of(response)
                if response.status_code >= 400:
                    raise to_error(Answer(response.status_code, headers, await response.aread()))
                yield AsyncStream(response.status_code, headers, response.aiter_bytes())
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
    return client.build_request(
        call.method,
        call.path,
        params=urlencode(to_pairs(call.parameters)) or None,
        content=call.body or None,
        headers=headers,
    )


def _headers_of(response: httpx2.Response) -> dict[str, str]:
    """Return the headers by name in lower case."""
    return {name.lower(): value for name, value in response.headers.items()}


def _to_headers(api_key: str | None) -> dict[str, str]:
    """Return what every request carries."""
    headers = {"user-agent": USER_AGENT}
    if api_key:
        if not api_key.isascii() or not api_key.isprintable():
            raise InputError("a key is printable ASCII", where="api_key")
        headers["authorization"] = f"Bearer {api_key}"
    return headers


def _check_url(url: str) -> str:
    """Return an address without its last slash, or say what is wrong with it."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise InputError(f"{url!r} is not an address: {error}", where="url") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError(
            f"{url!r} is not the address of a server",
            where="url",
            hint="Addresses look like http://127.0.0.1:8400.",
        )
    return url.rstrip("/")


@contextmanager
def _said_plainly(call: Call) -> Iterator[None]:
    """Turn the library's exceptions into ours."""
    try:
        yield
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        reason = str(error) or type(error).__name__
        kind = NeverSentError if isinstance(error, _NEVER_SENT) else UnavailableError
        raise kind(
            f"no answer to {call.method} {call.path}: {reason}",
            hint="Is the server running at this address?",
        ) from error
    except RuntimeError as error:
        if "closed" not in str(error):
            raise
        raise NeverSentError("this client is closed") from error
