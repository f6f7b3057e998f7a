"""Why a single item is not taken, as a code, a JSON pointer and a sentence."""

from __future__ import annotations

import re
from typing import Final

import msgspec

_PATH = re.compile(r" - at `\$([^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_RANGE: Final = (">=", "<=", "> ", "< ", "out of range", "length")


class RefusedError(ValueError):
    """One item breaks a rule; it becomes a `Rejection` once its index is known."""

    def __init__(self, code: str, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.pointer = pointer
        self.detail = detail


def from_decoding(error: Exception) -> RefusedError:
    """Translate what the JSON decoder said into our words.

    Args:
        error: A `msgspec.ValidationError`, `msgspec.DecodeError`, `UnicodeDecodeError` or
            `RecursionError` of decoding one item.

    Example:
        >>> refused = from_decoding(
        ...     msgspec.ValidationError("Expected `int` >= 0 - at `$.position`")
        ... )
        >>> refused.code, refused.pointer, refused.detail
        ('out_of_range', '/position', 'must be an int >= 0')
    """
    if isinstance(error, UnicodeDecodeError):
        return RefusedError("not_utf8", "", f"byte {error.start} is not UTF-8: {error.reason}")
    if isinstance(error, RecursionError):
        return RefusedError("too_deep", "", "the JSON is nested too deeply")
    if not isinstance(error, msgspec.ValidationError):
        return RefusedError("malformed_json", "", str(error))
    text = str(error)
    found = _PATH.search(text)
    path = found.group(1) if found else ""
    message = text[: found.start()] if found else text
    unknown = _UNKNOWN.search(message)
    if unknown:
        pointer = f"{to_pointer(path)}/{escape_step(unknown.group(1))}"
        return RefusedError("unknown_field", pointer, f"there is no field {unknown.group(1)!r}")
    missing = _MISSING.search(message)
    if missing:
        pointer = f"{to_pointer(path)}/{escape_step(missing.group(1))}"
        return RefusedError("missing_field", pointer, f"{missing.group(1)} is needed")
    message = message.replace("Expected `int | null` >=", "Expected `int` >=")
    in_words = re.sub(r"^Expected `([^`]*)`", _say_expected, message)
    code = "out_of_range" if any(mark in message for mark in _RANGE) else "wrong_type"
    if "datetime" in message:
        code = "invalid_timestamp"
    return RefusedError(code, to_pointer(path), in_words)


def to_pointer(path: str) -> str:
    """Turn the decoder's path (`.results[3].score`) into a JSON pointer.

    The decoder names no key of a free object, but writes `[...]`: there the pointer ends.

    Example:
        >>> to_pointer(".results[3].score")
        '/results/3/score'
        >>> to_pointer(".metadata[...][0]")
        '/metadata'
    """
    named = path.partition("[...]")[0]
    return "".join(f"/{escape_step(name or index)}" for name, index in _STEP.findall(named))


def escape_step(step: str) -> str:
    """Escape one step of a JSON pointer (RFC 6901).

    Example:
        >>> escape_step("a/b~c")
        'a~1b~0c'
    """
    return step.replace("~", "~0").replace("/", "~1")


def _say_expected(found: re.Match[str]) -> str:
    """Say `must be an int` for ``Expected `int``` and the like."""
    wanted = found.group(1).replace(" | null", "").replace(" | ", " or ")
    article = "an" if wanted[:1] in "aeiou" else "a"
    return f"must be {article} {wanted}"
