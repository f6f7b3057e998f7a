"""Configs read field by field, so that every mistake is named with its place."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast, get_args, get_origin, get_type_hints

import msgspec

from rankloop.errors import Fault, FaultsError, InputError
from rankloop.events.refusals import escape_step, from_decoding

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_SEQUENCES: Final = (tuple, list)


class _Field(NamedTuple):
    """One field of a config, under the name that JSON gives it."""

    name: str
    wire_name: str
    hint: Any
    is_required: bool


def read_config(kind: type, raw: object, pointer: str, faults: list[Fault]) -> Any:  # noqa: ANN401 an instance of `kind`
    """Read a config out of decoded JSON.

    Args:
        kind: A `msgspec.Struct` or a dataclass whose fields have types that msgspec knows.
        raw: The decoded JSON.
        pointer: JSON pointer to it.
        faults: Every mistake is added here.

    Returns:
        An instance of `kind`, or None where anything was wrong.

    Example:
        >>> class Dial(msgspec.Struct, frozen=True):
        ...     top_k: int = 10
        >>> faults: list[Fault] = []
        >>> read_config(Dial, {"top_k": 5}, "/stages/0", faults)
        Dial(top_k=5)
        >>> read_config(Dial, {"topk": 5}, "/stages/0", faults) is None, faults[0].pointer
        (True, '/stages/0/topk')
    """
    if not isinstance(raw, Mapping):
        faults.append(Fault(pointer, "wrong_type", "must be an object"))
        return None
    n_before = len(faults)
    fields = list_fields(kind)
    values = {}
    for field in fields:
        place = f"{pointer}/{escape_step(field.wire_name)}"
        if field.wire_name in raw:
            values[field.name] = _read_value(field.hint, raw[field.wire_name], place, faults)
        elif field.is_required:
            faults.append(Fault(place, "missing_field", f"{field.wire_name} is needed"))
    _refuse_unknown(raw, [field.wire_name for field in fields], pointer, faults)
    return None if len(faults) > n_before else _build(kind, values, pointer, faults)


def is_config(kind: object) -> bool:
    """Say whether a type is read field by field."""
    return isinstance(kind, type) and (
        issubclass(kind, msgspec.Struct) or dataclasses.is_dataclass(kind)
    )


def list_fields(kind: type) -> list[_Field]:
    """List the fields of a config."""
    hints = get_type_hints(kind, include_extras=True)
    if issubclass(kind, msgspec.Struct):
        return [
            _Field(field.name, field.encode_name, hints[field.name], field.required)
            for field in msgspec.structs.fields(kind)
        ]
    return [
        _Field(
            field.name,
            field.name,
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cast("type[DataclassInstance]", kind))
    ]


def say_unknown(name: str, known: Sequence[str]) -> str:
    """Say that there is no such name, and which one was perhaps meant.

    Example:
        >>> say_unknown("topk", ["top_k", "weight"])
        "there is no 'topk'; did you mean 'top_k'?"
    """
    near = difflib.get_close_matches(name, known, n=1)
    shown = name if len(name) <= 64 else name[:63] + "…"
    if near:
        return f"there is no {shown!r}; did you mean {near[0]!r}?"
    return f"there is no {shown!r}; known: {', '.join(known)}"


def _refuse_unknown(
    raw: Mapping[str, object], known: list[str], pointer: str, faults: list[Fault]
) -> None:
    """Name every key that no field has."""
    for key in raw:
        if key not in known:
            place = f"{pointer}/{escape_step(str(key))}"
            faults.append(Fault(place, "unknown_field", say_unknown(str(key), known)))


def _read_value(hint: Any, value: object, pointer: str, faults: list[Fault]) -> Any:  # noqa: ANN401 any field's type
    """Read one value: configs within it field by field, everything else by msgspec."""
    for option in (hint, *get_args(hint)):
        if is_config(option) and value is not None:
            return read_config(option, value, pointer, faults)
        inner = _inner_config(option)
        if inner is not None and isinstance(value, list | tuple):
            return tuple(
                read_config(inner, one, f"{pointer}/{index}", faults)
                for index, one in enumerate(value)
            )
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        refused = from_decoding(error)
        faults.append(Fault(pointer + refused.pointer, refused.code, refused.detail))
        return None


def _inner_config(hint: object) -> type | None:
    """Return the config that a list or tuple type holds, if it does."""
    if get_origin(hint) not in _SEQUENCES:
        return None
    return next((inner for inner in get_args(hint) if is_config(inner)), None)


def _build(kind: type, values: dict[str, Any], pointer: str, faults: list[Fault]) -> Any:  # noqa: ANN401 an instance of `kind`
    """Build a config; what it refuses about its fields together becomes faults."""
    try:
        return kind(**values)
    except FaultsError as error:
        faults += [
            Fault(_join(pointer, fault.pointer), fault.code, fault.detail) for fault in error.faults
        ]
    except InputError as error:
        faults.append(Fault(_join(pointer, error.where), "invalid_value", str(error)))
    except ValueError as error:
        faults.append(Fault(pointer, "invalid_value", str(error)))
    return None


def _join(pointer: str, where: str) -> str:
    """Put the place that a config names behind the pointer to the config."""
    return pointer + (where if not where or where.startswith("/") else f"/{where}")
