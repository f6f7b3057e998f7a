"""Rows as tables of other libraries, which only those who ask for them need."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rankloop.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


def to_arrow(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> Any:  # noqa: ANN401 a library that this package does without
    """Return a `pyarrow.Table` of rows.

    Args:
        rows: One dictionary each.
        columns: Their names, in order; they are there without rows too.

    Raises:
        InputError: pyarrow is not installed.
    """
    arrow = _load("pyarrow")
    return arrow.table({name: [row[name] for row in rows] for name in columns})


def to_pandas(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> Any:  # noqa: ANN401 a library that this package does without
    """Return a `pandas.DataFrame` of rows.

    Raises:
        InputError: pandas is not installed.
    """
    return _load("pandas").DataFrame(list(rows), columns=list(columns))


def _load(name: str) -> Any:  # noqa: ANN401 a library that this package does without
    """Import a library that was asked for."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"{name} is not installed here", where=name, hint=f"Install it: pip install {name}."
        ) from error
