"""Filters on documents: a small language of conditions, read once, answered anywhere.

`{"price": {"$lte": 50}, "$or": [{"brand": "a"}, {"brand": {"$in": ["b", "c"]}}]}` is read into a
tree that an index translates into its own filters and that `matches` answers for one document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operator = Literal["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists"]

Scalar = bool | int | float | str | None
"""What a field is compared with."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One field against a value.

    Attributes:
        field: Dotted name of a payload field, or `document_id`.
        operator: How they are compared.
        value: A scalar; a tuple of scalars for `$in` and `$nin`, a truth value for `$exists`.
    """

    field: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold; true where there are none."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part holds at least; false where there are none."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: Filter


Filter = Condition | Every | AnyOf | Negation
"""A tree of conditions."""
