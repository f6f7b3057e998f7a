"""Filters answered for one document at a time, by what its fields hold."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from rankloop.indexing.filters import Condition, Every, Negation

if TYPE_CHECKING:
    from rankloop.indexing.filters import Filter, Scalar

DOCUMENT_ID: Final = "document_id"
"""The field that is the document's name."""

Matcher: TypeAlias = Callable[[str, Mapping[str, Any]], bool]
"""Says whether a document, given by its name and its fields, satisfies a filter."""

_Values: TypeAlias = tuple[Any, ...]
_Test: TypeAlias = Callable[[_Values], bool]

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(filters: Filter, document_id: str, payload: Mapping[str, Any]) -> bool:
    """Say whether one document satisfies a filter; see `build_matcher` for many.

    Example:
        >>> matches(Condition("tags", "$eq", "new"), "d1", {"tags": ["new", "red"]})
        True
    """
    return build_matcher(filters)(document_id, payload)


def build_matcher(filters: Filter) -> Matcher:
    """Prepare a filter for many documents.

    - A field that is absent, null or an empty array has no value: `$eq`, `$in` and the comparisons
      are false, `$ne` and `$nin` true, `$exists` false.
    - An array holds several values: `$eq`, `$in` and the comparisons hold if one of them does;
      `$ne` and `$nin` are their opposites, so that they hold if none does.
    - Numbers compare with numbers and texts with texts; 1 equals 1.0, and neither equals true.
    - A dot steps into an object; it does not step into the objects of an array.

    Args:
        filters: The filter.

    Returns:
        A function of a document's name and its fields.

    Example:
        >>> holds = build_matcher(Condition("price", "$lt", 10))
        >>> holds("d1", {"price": 9.5}), holds("d2", {"price": "9"}), holds("d3", {})
        (True, False, False)
    """
    if isinstance(filters, Condition):
        return _build_condition(filters)
    if isinstance(filters, Negation):
        inner = build_matcher(filters.part)
        return lambda document_id, payload: not inner(document_id, payload)
    parts = [build_matcher(part) for part in filters.parts]
    if isinstance(filters, Every):
        return lambda document_id, payload: all(part(document_id, payload) for part in parts)
    return lambda document_id, payload: any(part(document_id, payload) for part in parts)


def fields_of(filters: Filter) -> frozenset[str]:
    """Return the fields that a filter reads.

    Example:
        >>> sorted(fields_of(Every((Condition("a", "$eq", 1), Condition("b.c", "$gt", 2)))))
        ['a', 'b.c']
    """
    if isinstance(filters, Condition):
        return frozenset({filters.field})
    if isinstance(filters, Negation):
        return fields_of(filters.part)
    return frozenset().union(*(fields_of(part) for part in filters.parts))


def values_at(payload: Mapping[str, Any], field: str) -> tuple[Any, ...]:
    """Return the values of a field: none, one, or those of an array.

    Example:
        >>> values_at({"size": {"eu": [41, 42]}}, "size.eu"), values_at({}, "size")
        ((41, 42), ())
    """
    found: Any = payload
    for step in field.split("."):
        if not isinstance(found, Mapping):
            return ()
        found = found.get(step)
    values = found if isinstance(found, list | tuple) else (found,)
    return tuple(value for value in values if value is not None)


def _build_condition(condition: Condition) -> Matcher:
    """Prepare one condition."""
    test = _build_test(condition)
    field = condition.field
    if field == DOCUMENT_ID:
        return lambda document_id, _payload: test((document_id,))
    return lambda _document_id, payload: test(values_at(payload, field))


def _build_test(condition: Condition) -> _Test:
    """Prepare what is asked of a field's values."""
    if condition.operator == "$exists":
        wanted = bool(condition.value)
        return lambda values: bool(values) == wanted
    if condition.operator in _COMPARE:
        return _build_comparison(condition)
    value = condition.value
    known = frozenset(map(_to_key, value if isinstance(value, tuple) else (value,)))
    if condition.operator in ("$eq", "$in"):
        return lambda values: any(_to_key(one) in known for one in values)
    return lambda values: not any(_to_key(one) in known for one in values)


def _build_comparison(condition: Condition) -> _Test:
    """Prepare a comparison with a number or a text."""
    compare = _COMPARE[condition.operator]
    bound: Any = condition.value
    kind = _kind_of(bound)
    return lambda values: any(_kind_of(one) == kind and compare(one, bound) for one in values)


def _kind_of(value: object) -> str:
    """Say what a value can be compared with."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "other"


def _to_key(value: Scalar | Any) -> object:  # noqa: ANN401 whatever a payload holds
    """Return what equal values share: 1 and 1.0 do, 1 and true do not."""
    if isinstance(value, bool):
        return (bool, value)
    return value if isinstance(value, int | float | str) else (object, id(value))
