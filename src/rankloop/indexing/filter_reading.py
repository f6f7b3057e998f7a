"""Filters as they are sent, read into a tree: every mistake is named with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from rankloop.errors import InputError
from rankloop.events.refusals import escape_step
from rankloop.indexing.filters import AnyOf, Condition, Every, Negation, Operator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rankloop.indexing.filters import Filter, Scalar

MAX_DEPTH: Final = 16
"""Most levels of `$and`, `$or` and `$not` within each other."""

MAX_VALUES: Final = 10_000
"""Most values of one list."""

MAX_PARTS: Final = 10_000
"""Most conditions and groups of one filter."""

MAX_FIELD_CHARACTERS: Final = 256
"""Most characters of a field's dotted name."""

OPERATORS: Final[tuple[str, ...]] = get_args(Operator)
"""What a field can be compared by."""

_GROUPS: Final = frozenset({"$and", "$or", "$not"})
_ORDERED: Final = frozenset({"$gt", "$gte", "$lt", "$lte"})
_LISTED: Final = frozenset({"$in", "$nin"})


def read_filter(mapping: object, where: str = "/filters") -> Filter:
    """Read a filter as it is sent.

    Each key is a field, dotted where it stands within another, with a value (the same as `$eq`) or
    an object of operators; or `$and` and `$or` with a list of filters, or `$not` with one. All keys
    of one object must hold.

    Args:
        mapping: The decoded JSON.
        where: JSON pointer to it, which errors begin with.

    Returns:
        The tree; `Every(())` for an empty object.

    Raises:
        InputError: A key, an operator or a value is wrong, or there is too much of it.

    Example:
        >>> read_filter({"price": {"$lte": 50}})
        Condition(field='price', operator='$lte', value=50)
        >>> read_filter({"price": {"$near": 50}})
        Traceback (most recent call last):
        rankloop.errors.InputError: there is no operator '$near'
    """
    return _Reader().read(mapping, where, 0)


def join(filters: Iterable[Filter | None]) -> Filter | None:
    """Make one filter of those that must all hold; None where there are none.

    Example:
        >>> join([None, Condition("brand", "$eq", "a"), None])
        Condition(field='brand', operator='$eq', value='a')
    """
    parts = tuple(part for part in filters if part is not None and part != Every(()))
    return _together(parts) if parts else None


def _together(parts: tuple[Filter, ...]) -> Filter:
    """Wrap parts that must all hold, where there is more than one."""
    return parts[0] if len(parts) == 1 else Every(parts)


class _Reader:
    """Reads one filter and counts its parts."""

    def __init__(self) -> None:
        self._n_parts = 0

    def read(self, mapping: object, where: str, depth: int) -> Filter:
        """Read one object of keys that must all hold."""
        if not isinstance(mapping, Mapping):
            raise InputError(
                "a filter must be an object",
                where=where,
                hint='Write {"field": {"$eq": value}}.',
            )
        if depth > MAX_DEPTH:
            raise InputError(f"a filter nests at most {MAX_DEPTH} levels", where=where)
        return _together(
            tuple(
                self._read_key(key, value, f"{where}/{escape_step(key)}", depth)
                for key, value in mapping.items()
            )
        )

    def _read_key(self, key: str, value: object, where: str, depth: int) -> Filter:
        self._count(where)
        if key == "$not":
            return Negation(self.read(value, where, depth + 1))
        if key in _GROUPS:
            parts = self._read_group(value, where, depth)
            return Every(parts) if key == "$and" else AnyOf(parts)
        if key.startswith("$"):
            raise InputError(
                f"there is no {key!r} here",
                where=where,
                hint="A key is a field, $and, $or or $not.",
            )
        _check_field(key, where)
        if not isinstance(value, Mapping):
            return Condition(key, "$eq", _read_scalar(value, where))
        if not value:
            raise InputError(f"{key!r} is compared with nothing", where=where, hint=_KNOWN)
        return _together(
            tuple(
                self._read_condition(key, operator, one, f"{where}/{escape_step(operator)}")
                for operator, one in value.items()
            )
        )

    def _read_group(self, value: object, where: str, depth: int) -> tuple[Filter, ...]:
        if not isinstance(value, list):
            raise InputError("must be a list of filters", where=where)
        return tuple(
            self.read(part, f"{where}/{index}", depth + 1) for index, part in enumerate(value)
        )

    def _read_condition(self, field: str, operator: str, value: object, where: str) -> Condition:
        self._count(where)
        if operator not in OPERATORS:
            raise InputError(f"there is no operator {operator!r}", where=where, hint=_KNOWN)
        return Condition(field, cast("Operator", operator), _read_value(operator, value, where))

    def _count(self, where: str) -> None:
        self._n_parts += 1
        if self._n_parts > MAX_PARTS:
            raise InputError(f"a filter has at most {MAX_PARTS} conditions", where=where)


_KNOWN: Final = f"Known: {', '.join(OPERATORS)}."


def _check_field(name: str, where: str) -> None:
    """Refuse a name with an empty step, or a very long one."""
    if len(name) > MAX_FIELD_CHARACTERS or not all(name.split(".")):
        raise InputError(
            f"a field is 1 to {MAX_FIELD_CHARACTERS} characters, with something on both sides of "
            "each dot",
            where=where,
        )


def _read_value(operator: str, value: object, where: str) -> Scalar | tuple[Scalar, ...]:
    """Read what an operator compares with."""
    if operator in _LISTED:
        return _read_list(value, where)
    if operator == "$exists":
        if not isinstance(value, bool):
            raise InputError("$exists takes true or false", where=where)
        return value
    scalar = _read_scalar(value, where)
    if operator in _ORDERED and isinstance(scalar, bool):
        raise InputError(f"{operator} takes a number or a text", where=where)
    return scalar


def _read_list(value: object, where: str) -> tuple[Scalar, ...]:
    if not isinstance(value, list | tuple):
        raise InputError("must be a list of values", where=where)
    if len(value) > MAX_VALUES:
        raise InputError(f"a list has at most {MAX_VALUES} values, got {len(value)}", where=where)
    return tuple(_read_scalar(one, f"{where}/{index}") for index, one in enumerate(value))


def _read_scalar(value: Any, where: str) -> Scalar:  # noqa: ANN401 whatever was sent
    """Read a number, a text or a truth value."""
    if value is None:
        raise InputError(
            "nothing is equal to null",
            where=where,
            hint='Write {"$exists": false} for fields that are missing or null.',
        )
    if not isinstance(value, bool | int | float | str):
        raise InputError("must be a number, a text or a truth value", where=where)
    return value
