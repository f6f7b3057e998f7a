"""Parameters of an address or a body: a typed record, or one fault for each wrong one."""

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

from rankloop.errors import Fault, FaultsError
from rankloop.events.refusals import RefusedError, escape_step, from_decoding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    return _fill(given, kind, _from_texts)


def read_body(body: bytes, kind: type[S]) -> S:
    """Read a JSON body of named values.

    Args:
        body: The body; an empty one means an empty object.
        kind: The record to fill.

    Raises:
        FaultsError: The body is no JSON object, or a value is unknown or wrong; one fault each.

    Example:
        >>> class Wanted(msgspec.Struct):
        ...     days: int | None = None
        >>> read_body(b'{"days": 7}', Wanted)
        Wanted(days=7)
    """
    try:
        given = msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        refused = from_decoding(error)
        fault = Fault(refused.pointer, refused.code, refused.detail)
        raise FaultsError(f"the body cannot be read: {refused.detail}", [fault]) from error
    return read_values(given, kind)


def read_values(given: Mapping[str, Any], kind: type[S]) -> S:
    """Read named values of a body that has been decoded.

    Args:
        given: Values by name.
        kind: The record to fill.

    Raises:
        FaultsError: A value is unknown or wrong; one fault each.

    Example:
        >>> class Wanted(msgspec.Struct):
        ...     days: int | None = None
        >>> read_values({"days": 7}, Wanted)
        Wanted(days=7)
    """
    return _fill(given, kind, lambda value, wanted: _to_value(_to_moment(value), wanted))


def _fill(given: Mapping[str, Any], kind: type[S], convert: Callable[[Any, Any], Any]) -> S:
    """Convert values by name into a record."""
    fields = field_types(kind)
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in given.items():
        pointer = f"/{escape_step(name)}"
        try:
            if name not in fields:
                raise RefusedError("unknown_parameter", "", f"there is no parameter {name!r}")
            values[name] = convert(value, fields[name])
        except RefusedError as refused:
            faults.append(Fault(pointer + refused.pointer, refused.code, refused.detail))
    missing = [field.name for field in msgspec.structs.fields(kind) if field.required]
    faults += [
        Fault(f"/{name}", "missing_parameter", f"{name} is needed")
        for name in missing
        if name not in given
    ]
    if faults:
        named = [f"{fault.pointer.removeprefix('/')} ({fault.detail})" for fault in faults]
        is_unknown = any(fault.code == "unknown_parameter" for fault in faults)
        hint = f"Known: {', '.join(fields)}." if is_unknown and fields else ""
        raise FaultsError(f"wrong parameters: {', '.join(named)}", faults, hint=hint)
    return kind(**values)


@lru_cache(maxsize=64)
def field_types(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the type of each field of a record, with its bounds."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: hints[name] for name in kind.__struct_fields__}


def _from_texts(texts: Sequence[str], wanted: Any) -> Any:  # noqa: ANN401 whatever the field holds
    """Convert the texts of one query parameter."""
    if is_repeatable(wanted):
        return _to_value(list(texts), wanted, is_strict=False)
    if len(texts) > 1:
        detail = f"given {len(texts)} times, once is possible"
        raise RefusedError("repeated_parameter", "", detail)
    return _to_value(_to_moment(texts[0]), wanted, is_strict=False)


def _to_moment(value: Any) -> Any:  # noqa: ANN401 whatever was given
    """Complete a moment that is only a date, or whose plus was lost; leave the rest alone."""
    if not isinstance(value, str):
        return value
    if _DATE.fullmatch(value):
        return f"{value}T00:00:00Z"
    zoned = _SPACED_ZONE.fullmatch(value)
    return f"{zoned[1]}+{zoned[2]}" if zoned else value


def _to_value(value: Any, wanted: Any, *, is_strict: bool = True) -> Any:  # noqa: ANN401 as above
    try:
        return msgspec.convert(value, wanted, strict=is_strict)
    except msgspec.ValidationError as error:
        raise from_decoding(error) from error


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
