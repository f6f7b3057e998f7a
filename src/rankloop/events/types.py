"""The names of what people do, one bit each, and the weight a signal has by default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNAL_BITS: Final[dict[str, int]] = {
    "view": 0,
    "click": 1,
    "long_view": 2,
    "purchase": 3,
    "add_to_cart": 4,
    "wishlist": 5,
    "bookmark": 6,
    "share": 7,
    "positive_feedback": 8,
    "negative_feedback": 9,
    "skip": 10,
    "return_to_results": 11,
    "query_refinement": 12,
    "zero_results": 13,
    "filter_toggle": 14,
}
"""The known types; the number is the bit of `type_mask` and never changes its meaning."""

CUSTOM_BIT: Final = 31
"""The bit that every custom type sets."""

CLICK_MASK: Final = 1 << SIGNAL_BITS["click"]
CONVERSION_MASK: Final = (1 << SIGNAL_BITS["purchase"]) | (1 << SIGNAL_BITS["add_to_cart"])

DEFAULT_WEIGHTS: Final[dict[str, float]] = {
    "view": 0.1,
    "click": 1.0,
    "long_view": 2.0,
    "purchase": 10.0,
    "add_to_cart": 3.0,
    "wishlist": 2.0,
    "bookmark": 2.0,
    "share": 2.0,
    "positive_feedback": 3.0,
    "negative_feedback": -3.0,
    "skip": -0.5,
    "return_to_results": -0.5,
    "query_refinement": 0.0,
    "zero_results": 0.0,
    "filter_toggle": 0.0,
}
"""What a signal counts for at reading time, unless the retriever says otherwise."""

WITHOUT_DOCUMENT: Final = frozenset({"zero_results", "filter_toggle", "query_refinement"})
"""Known types that speak of a list, not of a document."""

_TYPE = re.compile(r"\w{1,64}")
_DOCUMENT_MASK = sum(1 << bit for name, bit in SIGNAL_BITS.items() if name not in WITHOUT_DOCUMENT)
_CUSTOM_MASK = 1 << CUSTOM_BIT
_MASKS = {name: 1 << bit for name, bit in SIGNAL_BITS.items()}


def is_type_name(name: str) -> bool:
    """Say whether a name may be an interaction type: 1 to 64 word characters.

    Example:
        >>> is_type_name("watched_to_end"), is_type_name("two words")
        (True, False)
    """
    return _TYPE.fullmatch(name) is not None


def to_mask(names: Iterable[str]) -> int:
    """Fold type names into one number with a bit per known type.

    Example:
        >>> to_mask(["view", "click"]), to_mask(["hovered"]) == 1 << CUSTOM_BIT
        (3, True)
    """
    mask = 0
    for name in names:
        mask |= _MASKS.get(name, _CUSTOM_MASK)
    return mask


def needs_document(mask: int) -> bool:
    """Say whether an interaction of these types must name a document.

    A known type other than those that speak of a list needs one; custom types do not.

    Example:
        >>> needs_document(to_mask(["click"])), needs_document(to_mask(["filter_toggle", "help"]))
        (True, False)
    """
    return mask & _DOCUMENT_MASK != 0
