"""Query parameters: from the text of an address to a typed record, one fault for each wrong one."""

from __future__ import annotations

import re
from functools import lru_cache
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from urllib.parse import parse_qsl

import msgspec

from rankloop.api.problems import Fault, FaultsError
from rankloop.events.refusals import from_decoding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

S = TypeVar("S", bound=msgspec.Struct)

MAX_PARAMETERS: Final = 200
"""Most parameters of one address, repeated ones counted each."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# A `+` in an address means a space, which no moment holds: whoever forgot to escape it meant `+`.
_SPACED_ZONE = re.compile(r"(\d{4}-\d{2}-\d{2}T\S+) (\d{2}:?\d{2})")


def read_parameters(query: bytes, kind: type[S]) -> S:
    """Read the query string of an address.

    Args:
        query: The part after the question mark, still escaped.
        kind: The record to fill: one field a parameter; a list's parameter may be repeated.

    Raises:
        FaultsError: A parameter is unknown, repeated or wrong; one fault each.

    Example:
        >>> class Wanted(msgspec.Struct):
        ...     days: int | None = None
        >>> read_parameters(b"days=7", Wanted)
        Wanted(days=7)
    """
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise FaultsError(
            "the query string cannot be read", [Fault("", "malformed_query", str(error))]
        ) from error
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return fill_record(given, kind)


def fill_record(given: Mapping[str, Sequence[str]], kind: type[S]) -> S:
    """Convert texts by name into a record.

    Raises:
        FaultsError: A parameter is unknown, repeated or wrong; one fault each.
    """
    fields = field_types(kind)
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, texts in given.items():
        try:
            if name not in fields:
                raise _WrongError("unknown_parameter", f"there is no parameter {name!r}")
            values[name] = _convert(texts, fields[name])
        except _WrongError as wrong:
            faults.append(Fault(f"/{name}", wrong.code, wrong.detail))
    if faults:
        names = ", ".join(fault.pointer.removeprefix("/") for fault in faults)
        is_unknown = any(fault.code == "unknown_parameter" for fault in faults)
        hint = f"Known parameters: {', '.join(fields)}." if is_unknown and fields else ""
        raise FaultsError(f"wrong query parameters: {names}", faults, hint=hint)
    return kind(**values)


@lru_cache(maxsize=64)
def field_types(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the type of each field of a record, with its bounds."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: hints[name] for name in kind.__struct_fields__}


class _WrongError(ValueError):
    """One parameter is wrong."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def _convert(texts: Sequence[str], wanted: Any) -> Any:  # noqa: ANN401 whatever the field holds
    """Convert the texts of one parameter."""
    if is_repeatable(wanted):
        return _to_value(list(texts), wanted)
    if len(texts) > 1:
        raise _WrongError("repeated_parameter", f"given {len(texts)} times, once is possible")
    text = texts[0]
    if _DATE.fullmatch(text):
        text += "T00:00:00Z"
    zoned = _SPACED_ZONE.fullmatch(text)
    return _to_value(f"{zoned[1]}+{zoned[2]}" if zoned else text, wanted)


def _to_value(value: str | list[str], wanted: Any) -> Any:  # noqa: ANN401 whatever the field holds
    try:
        return msgspec.convert(value, wanted, strict=False)
    except msgspec.ValidationError as error:
        refused = from_decoding(error)
        raise _WrongError(refused.code, refused.detail) from error


def is_repeatable(wanted: Any) -> bool:  # noqa: ANN401 a type
    """Say whether a parameter of this type may stand more than once.

    Example:
        >>> is_repeatable(list[str] | None), is_repeatable(str | None)
        (True, False)
    """
    origin = get_origin(wanted)
    if origin in (Union, UnionType):
        return any(is_repeatable(part) for part in get_args(wanted))
    if origin is Annotated:
        return is_repeatable(get_args(wanted)[0])
    return origin is list or wanted is list
