"""The text of a query, made comparable: one information need, one key."""

from __future__ import annotations

import functools
import hashlib
import unicodedata
from typing import Final

NORMALIZATION_VERSION: Final = "1"
"""Part of every key, so that a new rule never mixes with an old one."""

SEPARATOR: Final = "\x1f"


def normalize_query(query: str) -> str:
    """Fold what does not change the meaning: NFKC, case, outer and repeated white space.

    Example:
        >>> normalize_query("  Blue   SHOES ")
        'blue shoes'
    """
    return " ".join(unicodedata.normalize("NFKC", query).casefold().split())


@functools.lru_cache(16_384)
def to_query_key(query: str, filters: str | None = None) -> str:
    """Name the information need: 16 hexadecimal digits of normalized text and filters.

    Args:
        query: What the person asked for, as typed.
        filters: Canonical JSON text of the filters; left out where there were none.

    Example:
        >>> to_query_key("Blue shoes") == to_query_key("blue  SHOES")
        True
    """
    text = SEPARATOR.join((NORMALIZATION_VERSION, normalize_query(query), filters or ""))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:16]
