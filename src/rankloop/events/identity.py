"""Identifiers: what a client may send, and the ones made here."""

from __future__ import annotations

import os
import time

from rankloop.events.limits import MAX_IDENTIFIER_CHARACTERS

PSEUDONYM_PREFIX = "u~"
"""How stored pseudonyms begin; clients may not send ids that do."""


def is_identifier(text: str, most: int = MAX_IDENTIFIER_CHARACTERS) -> bool:
    """Say whether a text is 1 to `most` printable characters without spaces.

    Example:
        >>> is_identifier("sess_456"), is_identifier("two words"), is_identifier("")
        (True, False, False)
    """
    return 0 < len(text) <= most and is_plain(text)


def is_plain(text: str) -> bool:
    r"""Say whether a text has only printable characters and no space; its length is free.

    Example:
        >>> is_plain("https://shop.example/a?b=1"), is_plain("two words"), is_plain("line\n")
        (True, False, False)
    """
    return text.isprintable() and " " not in text


def make_uuid7s(count: int, now_us: int | None = None) -> list[str]:
    """Make time-ordered identifiers (UUIDv7, RFC 9562).

    Args:
        count: How many, 0 or more.
        now_us: The moment they carry, microseconds UTC; the clock's when left out.

    Returns:
        Distinct identifiers in lower case; the first 48 bits are the millisecond.

    Example:
        >>> first, second = make_uuid7s(2, now_us=1_700_000_000_000_000)
        >>> first[14], first != second
        ('7', True)
    """
    if count <= 0:
        return []
    moment_ms = (time.time_ns() // 1_000 if now_us is None else now_us) // 1_000
    head = f"{moment_ms & 0xFFFFFFFFFFFF:012x}"
    stamp = f"{head[:8]}-{head[8:]}-7"
    random = os.urandom(10 * count).hex()
    return [
        f"{stamp}{random[i : i + 3]}-{'89ab'[int(random[i + 3], 16) & 3]}"
        f"{random[i + 4 : i + 7]}-{random[i + 7 : i + 19]}"
        for i in range(0, 20 * count, 20)
    ]


def to_search_identity(search_id: str, page_offset: int) -> str:
    r"""Name one list: page 2 of a search is another list of the same search.

    Example:
        >>> to_search_identity("s1", 10)
        's1\x1f10'
    """
    return f"{search_id}\x1f{page_offset}"


def to_search_id(identity: str) -> str:
    r"""Return the search that a list belongs to.

    Example:
        >>> to_search_id("s1\x1f10")
        's1'
    """
    return identity.partition("\x1f")[0]
