"""Rows that the law made, as columns for the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rankloop.events.rows import InteractionRow, SearchRow

_MOMENT: Final = pa.timestamp("us")
_RESULT: Final = pa.struct(
    [
        ("document_id", pa.string()),
        ("score", pa.float64()),
        ("logging_probability", pa.float64()),
    ]
)
_INTERACTION_TYPES: Final[dict[str, pa.DataType]] = {
    "at": _MOMENT,
    "received_at": _MOMENT,
    "types": pa.list_(pa.string()),
    "type_mask": pa.int64(),
    "position": pa.int32(),
    "duration_ms": pa.float64(),
    "value_micros": pa.int64(),
}
_SEARCH_TYPES: Final[dict[str, pa.DataType]] = {
    "at": _MOMENT,
    "received_at": _MOMENT,
    "page_offset": pa.int32(),
    "total": pa.int64(),
    "latency_ms": pa.float64(),
    "n_results": pa.int32(),
}
_NESTED: Final = frozenset({"results", "features"})
"""Fields that are no columns: lists are laid out apart, and no file says what a ranker saw."""

_RENAMED: Final = {"user": "user_key"}


def to_interactions(rows: Sequence[InteractionRow], numbers: Sequence[int]) -> pa.Table:
    """Lay interactions out as the columns of `import_interactions`.

    Args:
        rows: What the law took.
        numbers: The line of each.
    """
    columns = _to_columns(rows, _INTERACTION_TYPES)
    return pa.table({"n": pa.array(numbers, pa.int64()), **columns})


def to_searches(rows: Sequence[SearchRow], numbers: Sequence[int]) -> pa.Table:
    """Lay searches out as the columns of `import_searches`; arguments as for interactions."""
    columns = _to_columns(rows, _SEARCH_TYPES)
    lists = [
        None
        if row.n_results is None
        else [
            {
                "document_id": result.document_id,
                "score": result.score,
                "logging_probability": result.logging_probability,
            }
            for result in row.results
        ]
        for row in rows
    ]
    line = pa.array(numbers, pa.int64())
    results = pa.array(lists, pa.list_(_RESULT))
    return pa.table({"n": line, "list_number": line, **columns, "results": results})


def _to_columns(
    rows: Sequence[InteractionRow] | Sequence[SearchRow], types: dict[str, pa.DataType]
) -> dict[str, pa.Array]:
    """Turn the flat fields of rows into columns; what is not named in `types` is text."""
    names = [name for name in rows[0].__struct_fields__ if name not in _NESTED]
    return {
        _RENAMED.get(name, name): pa.array(
            [getattr(row, name) for row in rows], types.get(name, pa.string())
        )
        for name in names
    }
