"""Bodies of requests that are one JSON value: decoded into a record, or refused with a pointer."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from rankloop.errors import Fault, FaultsError
from rankloop.events.refusals import from_decoding

T = TypeVar("T")


def decode_body(body: bytes, kind: type[T]) -> T:
    """Decode a JSON body.

    Args:
        body: The body as sent.
        kind: What it must be.

    Raises:
        FaultsError: It is something else; the fault points at the first thing that is wrong.

    Example:
        >>> decode_body(b'{"version": 3}', dict[str, int])
        {'version': 3}
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        refused = from_decoding(error)
        fault = Fault(refused.pointer, refused.code, refused.detail)
        named = f"{refused.pointer.lstrip('/')}: " if refused.pointer else ""
        raise FaultsError(f"{named}{refused.detail}", [fault]) from error
