"""CSV with our own field names as columns: an interaction or a search a row.

A row with an `interaction_type` is an interaction, any other a search. Lists within a cell are
separated by `|`; an empty cell is an absent field, and `|` alone an empty list.
"""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
import pyarrow as pa

from rankloop.dialects.statements import read_statement
from rankloop.dialects.translation import LineRejection, Translated
from rankloop.errors import FileError
from rankloop.events.limits import MAX_BODY_BYTES
from rankloop.events.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rankloop.dialects.translation import Engine

_WHOLE: Final = frozenset({"position", "offset", "total"})
_DECIMAL: Final = frozenset({"value", "latency_ms", "duration_ms"})
_LISTS: Final = frozenset({"interaction_type", "tags", "results"})
_OBJECTS: Final = frozenset({"metadata", "filters"})
_IN_METADATA: Final = ("query", "device", "duration_ms")
COLUMNS: Final = (
    _WHOLE
    | _DECIMAL
    | _LISTS
    | _OBJECTS
    | {
        "feature_id", "document_id", "search_id", "execution_id", "retriever_id",
        "interaction_id", "user_id", "session_id", "timestamp", "currency", "query", "device",
        "surface", "actor", "pipeline_version", "variant",
    }
)  # fmt: skip
"""What a column may be called."""


class CsvTranslator:
    """Rows of a CSV file whose first line names the columns.

    Args:
        engine: Where lines are transformed.
        name: The file's name, for errors.
    """

    pointers: ClassVar[Mapping[str, str]] = {
        "/metadata/query": "/query",
        "/metadata/device": "/device",
        "/metadata/duration_ms": "/duration_ms",
        "/interaction_type/*": "/interaction_type",
        "/results/*/document_id": "/results",
        "/tags/*": "/tags",
    }

    def __init__(self, engine: Engine, name: str = "the file") -> None:
        self._engine = engine
        self._name = name
        self._columns: list[str] | None = None
        self._open: list[str] = []
        self._open_line = 0

    def translate(self, lines: pa.Table) -> Iterator[Translated]:
        """Translate a block; a record whose quotes are open goes on in the next one."""
        numbers, records = self._join(
            lines.column("n").to_pylist(), lines.column("body").to_pylist()
        )
        if records and self._columns is None:
            self._columns = read_columns(records[0], self._name)
            numbers, records = numbers[1:], records[1:]
        yield self._hand_over(numbers, records)

    def finish(self) -> Iterator[Translated]:
        """Say so if the last record never closed its quotes."""
        if self._open:
            self._hand_over([], [])
            detail = "a quote is opened here and never closed"
            yield Translated([LineRejection(self._open_line, "malformed_line", "", detail)])

    def _hand_over(self, numbers: list[int], records: list[str]) -> Translated:
        """Write the records that can be written in the wire form; say what is wrong with others."""
        written: list[tuple[int, str, str]] = []
        rejections: list[LineRejection] = []
        cells = _parse(records)
        for number, record, row in zip(numbers, records, cells, strict=True):
            try:
                body = self._to_body(row)
            except RefusedError as refused:
                rejections.append(
                    LineRejection(number, refused.code, refused.pointer, str(refused))
                )
                continue
            written.append((number, msgspec.json.encode(body).decode(), record))
        lines = pa.table(
            {
                "n": pa.array([number for number, _, _ in written], pa.int64()),
                "body": pa.array([body for _, body, _ in written], pa.large_string()),
                "seed": pa.array([seed for _, _, seed in written], pa.large_string()),
            }
        )
        self._engine.lend("import_lines", lines)
        self._engine.execute(read_statement("dialects", "csv_seeds").text)
        return Translated(rejections)

    def _to_body(self, row: list[str] | str) -> dict[str, Any]:
        """Return a record's wire form; refuse what has not the shape of a row."""
        columns = self._columns or []
        if isinstance(row, str):
            raise RefusedError("malformed_line", "", row)
        if len(row) != len(columns):
            detail = f"{len(row)} cells for {len(columns)} columns"
            raise RefusedError("malformed_line", "", detail)
        fields = {
            name: _to_field(name, cell) for name, cell in zip(columns, row, strict=True) if cell
        }
        if isinstance(fields.get("duration_ms"), str):
            # In metadata, which is free, the law would let it pass.
            raise RefusedError("wrong_type", "/duration_ms", "must be a number of milliseconds")
        if "interaction_type" not in fields:
            results = fields.get("results")
            if results is not None:
                fields["results"] = [{"document_id": document_id} for document_id in results]
            return fields
        inner = {name: fields.pop(name) for name in _IN_METADATA if name in fields}
        if inner and isinstance(fields.setdefault("metadata", {}), dict):
            fields["metadata"] |= inner
        return fields

    def _join(self, numbers: list[int], lines: list[str]) -> tuple[list[int], list[str]]:
        """Join lines whose quotes are open with those that follow."""
        firsts: list[int] = []
        records: list[str] = []
        for number, line in zip(numbers, lines, strict=True):
            is_odd = '"' in line and line.count('"') % 2 == 1
            if not self._open and not is_odd:
                firsts.append(number)
                records.append(line.rstrip("\r\n"))
                continue
            if not self._open:
                self._open_line = number
            self._open.append(line)
            if (len(self._open) > 1 and is_odd) or sum(map(len, self._open)) > MAX_BODY_BYTES:
                firsts.append(self._open_line)
                records.append("".join(self._open).rstrip("\r\n"))
                self._open = []
        return firsts, records


def read_columns(header: str, name: str) -> list[str]:
    """Read the names of the columns.

    Args:
        header: The file's first line.
        name: The file's name, for errors.

    Raises:
        FileError: A column is unknown or stands twice.

    Example:
        >>> read_columns("feature_id,interaction_type,position", "clicks.csv")
        ['feature_id', 'interaction_type', 'position']
    """
    columns = [column.strip() for column in next(csv.reader([header]), [])]
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown:
        separator = next((mark for mark in ";\t" if mark in header and "," not in header), None)
        raise FileError(
            f"{name} has columns that are not known: {', '.join(map(repr, unknown))}",
            where=f"{name}:1",
            hint="Separate columns with commas."
            if separator
            else f"Known columns: {', '.join(sorted(COLUMNS))}.",
        )
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise FileError(f"{name} has the column {twice[0]!r} twice", where=f"{name}:1")
    return columns


def _parse(records: list[str]) -> Iterable[list[str] | str]:
    """Split records into cells; a record that is no CSV becomes what is wrong with it."""
    try:
        rows = list(csv.reader(records, strict=True))
    except csv.Error:
        rows = []
    # A stray quote may have joined two records.
    return rows if len(rows) == len(records) else [_parse_one(record) for record in records]


def _parse_one(record: str) -> list[str] | str:
    """Split one record."""
    try:
        return next(csv.reader([record], strict=True))
    except csv.Error as error:
        return str(error)


def _to_field(name: str, cell: str) -> Any:  # noqa: ANN401 a cell may hold any JSON value
    """Turn a cell into the value its field wants; what is none is passed on for the law."""
    if name in _LISTS:
        return [part.strip() for part in cell.split("|") if part.strip()]
    if name in _WHOLE or name in _DECIMAL:
        return _to_number(cell, is_whole=name in _WHOLE)
    if name in _OBJECTS:
        try:
            return msgspec.json.decode(cell)
        except (msgspec.DecodeError, RecursionError):
            return cell
    return cell


def _to_number(cell: str, *, is_whole: bool) -> int | float | str:
    """Read a number; tables write whole numbers as `3.0` where a column has gaps."""
    try:
        number = float(cell)
    except ValueError:
        return cell
    if not math.isfinite(number):
        return cell
    return int(number) if is_whole and number.is_integer() else number
