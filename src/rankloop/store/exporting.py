"""Answers as files: Parquet, CSV or NDJSON, written by the engine itself."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

from rankloop.errors import InputError
from rankloop.store.base import Copied, Format
from rankloop.store.questions import find_question
from rankloop.store.statements import bind, compose, fetch_row, quote, quote_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb

    from rankloop.store.base import Value

JSON_COLUMNS: Final = frozenset({"metadata", "filters", "tags", "results"})
"""Columns whose text is JSON: in NDJSON they stand as what they are, not as a quoted text."""

_OPTIONS: Final[dict[Format, str]] = {
    "ndjson": "FORMAT json",
    "csv": "FORMAT csv, HEADER true",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}


def copy_to(
    cursor: duckdb.DuckDBPyConnection,
    question: str,
    parameters: Mapping[str, Value],
    path: Path,
    form: Format,
) -> Copied:
    """Write a question's answer into a file, which appears under its name once it is whole.

    Raises:
        InputError: There is no such format.
    """
    if form not in _OPTIONS:
        raise InputError(
            f"there is no format {form!r}", where="format", hint=f"Use {', '.join(_OPTIONS)}."
        )
    asked = find_question(question)
    given = bind(asked, parameters)
    part = path.with_name(f"{path.name}.part")
    row = fetch_row(
        cursor,
        compose(
            "COPY (SELECT {columns} FROM ({answer})) TO {path} ({options})",
            columns=_shape(cursor, asked.sql, given, form),
            answer=asked.sql,
            path=quote_text(str(part)),
            options=_OPTIONS[form],
        ),
        given,
    )
    with part.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    n_bytes = part.stat().st_size
    os.replace(part, path)
    return Copied(int(row[0]), n_bytes, checksum)


def _shape(
    cursor: duckdb.DuckDBPyConnection, sql: str, given: dict[str, object] | None, form: Format
) -> str:
    """Select the answer's columns in the shape that the format can carry."""
    answer = cursor.sql(sql, params=given)
    return ", ".join(
        f"{_to_shape(name, str(kind), form)} AS {quote(name)}"
        for name, kind in zip(answer.columns, answer.types, strict=True)
    )


def _to_shape(name: str, kind: str, form: Format) -> str:
    """Write one column: JSON as itself in NDJSON, nested values as JSON text in CSV."""
    if form == "ndjson" and name in JSON_COLUMNS:
        return f"{quote(name)}::JSON"
    if form == "csv" and kind.endswith("[]"):
        return f"to_json({quote(name)})::VARCHAR"
    return quote(name)
