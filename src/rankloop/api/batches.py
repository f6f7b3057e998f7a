"""From the bytes of a capture request to the JSON texts of its items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.api.doors import RawHeaders, find_header
from rankloop.errors import EventError, TooLargeError, UnsupportedTypeError
from rankloop.events.limits import MAX_BATCH_ITEMS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

_WHITE_SPACE: Final = b" \t\r\n"
JSON_TYPES: Final = frozenset({"application/json", "text/json"})
_NDJSON_TYPES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl"}
)
_array = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Batch:
    """The items of one request."""

    items: Sequence[bytes | msgspec.Raw]
    is_many: bool
    """Whether the answer is a verdict on many, even if there is one item."""


async def read_body(
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]], headers: RawHeaders, most: int
) -> bytes:
    """Read a request's body, up to a bound.

    Raises:
        TooLargeError: There is more than `most` bytes.
        EventError: The client went away half way.
    """
    declared = find_header(headers, b"content-length")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    message = await receive()
    body: bytes = message.get("body", b"")
    parts = [body]
    size = len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EventError("the request ended before its body did")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise _too_large(most)
    return body if len(parts) == 1 else b"".join(parts)


def split_batch(
    body: bytes,
    headers: RawHeaders,
    *,
    is_always_many: bool,
    most_items: int | None = MAX_BATCH_ITEMS,
) -> Batch:
    """Tell one item from many, and cut many apart without looking inside.

    Args:
        body: The request's body.
        headers: The request's headers; the content type is read.
        is_always_many: Whether the address takes batches only.
        most_items: Most items; None for as many as the body holds.

    Raises:
        EventError: The body is empty, not JSON, or holds too many items.
        UnsupportedTypeError: It is not said to be JSON or NDJSON.

    Example:
        >>> headers = [(b"content-type", b"application/json")]
        >>> batch = split_batch(b'[{"a": 1}, {"a": 2}]', headers, is_always_many=False)
        >>> len(batch.items), batch.is_many
        (2, True)
    """
    text = body.strip(_WHITE_SPACE)
    if not text:
        raise EventError("the body is empty", hint="Send a JSON object, an array or NDJSON.")
    if check_content_type(headers, JSON_TYPES | _NDJSON_TYPES) in _NDJSON_TYPES:
        lines = [line for line in body.split(b"\n") if line.strip(_WHITE_SPACE)]
        return _bound(lines, most_items)
    if text[:1] != b"[":
        return Batch([text], is_always_many)
    try:
        return _bound(_array.decode(text), most_items)
    except RecursionError as error:
        raise EventError("the JSON is nested too deeply", where="") from error
    except msgspec.DecodeError as error:
        raise EventError(f"the body is not JSON: {error}", where="") from error


def check_content_type(headers: RawHeaders, taken: frozenset[str]) -> str:
    """Refuse a body that is not said to be of a type that is taken.

    A page of another site can send a browser here with a plain text or with no type at all, and
    nobody asks us first; JSON it cannot send without being asked.

    Args:
        headers: The request's headers.
        taken: Content types, in lower case.

    Returns:
        The content type, without its parameters.

    Raises:
        UnsupportedTypeError: It is another, or absent; or the body is packed.

    Example:
        >>> check_content_type([(b"content-type", b"application/JSON; charset=utf-8")], JSON_TYPES)
        'application/json'
    """
    packed = find_header(headers, b"content-encoding").strip().lower()
    if packed not in ("", "identity"):
        raise UnsupportedTypeError(
            f"the body is packed with {packed!r}",
            where="Content-Encoding",
            hint="Send it unpacked.",
        )
    kind = find_header(headers, b"content-type").partition(";")[0].strip().lower()
    if kind not in taken:
        raise UnsupportedTypeError(
            f"the content type is {kind!r}" if kind else "no content type was sent",
            where="Content-Type",
            hint="Send application/json"
            + (" or application/x-ndjson." if "application/x-ndjson" in taken else "."),
        )
    return kind


def _bound(items: Sequence[bytes | msgspec.Raw], most: int | None) -> Batch:
    """Refuse a batch with too many items."""
    if most is not None and len(items) > most:
        raise TooLargeError(f"at most {most} items are taken, got {len(items)}")
    return Batch(items, True)


def _too_large(most: int) -> TooLargeError:
    """Build the error that names the limit."""
    return TooLargeError(
        f"at most {most} bytes of body are taken", hint="Send the items in smaller batches."
    )
