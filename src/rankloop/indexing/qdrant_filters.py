"""Filters in Qdrant's own form, as far as it can answer them the way `filter_matching` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import qdrant_edge as qdrant

from rankloop.indexing.filter_matching import DOCUMENT_ID
from rankloop.indexing.filters import Condition, Every, Negation
from rankloop.indexing.qdrant_fields import to_path, to_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rankloop.indexing.filters import Filter, Scalar

QdrantCondition: TypeAlias = (
    "qdrant.FieldCondition | qdrant.IsEmptyCondition | qdrant.IsNullCondition"
    " | qdrant.HasIdCondition | qdrant.HasVectorCondition | qdrant.NestedCondition | qdrant.Filter"
)

_MAX_NUMBERS: Final = 256
_MAX_EXACT: Final = 2**53
_NOTHING: Final = qdrant.Filter(must_not=[qdrant.Filter()])
_EVERYTHING: Final = qdrant.Filter()


@dataclass(frozen=True, slots=True)
class TranslatedFilter:
    """A filter as Qdrant takes it.

    Attributes:
        condition: Holds for every document that satisfies the filter; None where all must be
            looked at.
        is_exact: Whether it holds for no other document.
    """

    condition: qdrant.Filter | None
    is_exact: bool


class FilterTranslation:
    """Translates filters for one index.

    Args:
        rows_of: Returns the rows of those documents that the index holds; a row is the number of a
            point.
    """

    def __init__(self, rows_of: Callable[[Iterable[str]], list[int]]) -> None:
        self._rows_of = rows_of

    def translate(self, filters: Filter, max_excluded: int | None = None) -> TranslatedFilter:
        """Translate a filter; of parts that must all hold, those that can be are.

        Args:
            filters: The filter.
            max_excluded: Longer lists of documents to leave out are not translated: Qdrant takes
                2 µs for each name in every search, and few of them are ever found.
        """
        parts = filters.parts if isinstance(filters, Every) else (filters,)
        translated = [
            None if _is_long_exclusion(part, max_excluded) else self._translate(part)
            for part in parts
        ]
        known = [part for part in translated if part is not None]
        is_exact = len(known) == len(translated)
        return TranslatedFilter(qdrant.Filter(must=known) if known else None, is_exact)

    def _translate(self, filters: Filter) -> QdrantCondition | None:
        """Translate a part exactly, or not at all."""
        if isinstance(filters, Condition):
            if filters.field == DOCUMENT_ID:
                return self._translate_name(filters)
            return _translate_field(filters)
        if isinstance(filters, Negation):
            inner = self._translate(filters.part)
            return None if inner is None else _negate(inner)
        parts = [self._translate(part) for part in filters.parts]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        if isinstance(filters, Every):
            return qdrant.Filter(must=known) if known else _EVERYTHING
        return qdrant.Filter(should=known) if known else _NOTHING

    def _translate_name(self, condition: Condition) -> QdrantCondition | None:
        """Translate a condition on the document's name."""
        operator = condition.operator
        if operator == "$exists":
            return _EVERYTHING if condition.value else _NOTHING
        if operator not in ("$eq", "$ne", "$in", "$nin"):
            return None
        names = [value for value in _listed(condition) if isinstance(value, str)]
        named = qdrant.HasIdCondition(set(self._rows_of(names)))
        return named if operator in ("$eq", "$in") else _negate(named)


def _is_long_exclusion(filters: Filter, most: int | None) -> bool:
    """Say whether a part leaves out more documents than are worth translating."""
    if most is None or not isinstance(filters, Condition):
        return False
    is_exclusion = filters.field == DOCUMENT_ID and filters.operator == "$nin"
    return is_exclusion and len(_listed(filters)) > most


def _translate_field(condition: Condition) -> QdrantCondition | None:
    """Translate a condition on a payload field."""
    path = to_path(condition.field)
    if path is None:
        return None
    operator = condition.operator
    if operator == "$exists":
        absent = qdrant.IsEmptyCondition(path)
        return _negate(absent) if condition.value else qdrant.Filter(must=[absent])
    if operator in ("$gt", "$gte", "$lt", "$lte"):
        return _translate_comparison(path, condition)
    found = _translate_membership(path, _listed(condition))
    if found is None:
        return None
    return found if operator in ("$eq", "$in") else _negate(found)


def _translate_comparison(path: str, condition: Condition) -> QdrantCondition | None:
    """Translate a comparison with a number; texts are compared here, not by Qdrant."""
    bound = condition.value
    if not isinstance(bound, int | float) or not _is_exact_number(bound):
        return None
    limits = {condition.operator.removeprefix("$"): float(bound)}
    return qdrant.FieldCondition(path, range=qdrant.RangeFloat(**limits))


def _translate_membership(path: str, values: tuple[Scalar, ...]) -> QdrantCondition | None:
    """Translate equality with one of some values."""
    texts = [to_value(value) for value in values if isinstance(value, str | bool)]
    numbers = [value for value in values if not isinstance(value, str | bool)]
    if len(numbers) > _MAX_NUMBERS or not all(map(_is_exact_number, numbers)):
        return None
    parts: list[QdrantCondition] = [
        qdrant.FieldCondition(path, range=qdrant.RangeFloat(gte=float(one), lte=float(one)))
        for one in numbers
        if one is not None
    ]
    if texts:
        parts.append(qdrant.FieldCondition(path, match=qdrant.MatchAny(texts)))
    return qdrant.Filter(should=parts) if parts else _NOTHING


def _is_exact_number(value: object) -> bool:
    """Say whether a value is a number that a float holds and no other number is taken for."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < _MAX_EXACT


def _listed(condition: Condition) -> tuple[Scalar, ...]:
    value = condition.value
    return value if isinstance(value, tuple) else (value,)


def _negate(inner: QdrantCondition) -> qdrant.Filter:
    return qdrant.Filter(must_not=[inner])
