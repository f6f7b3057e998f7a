"""One question, two engines: the answers of DuckDB and of ClickHouse side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import sqlglot

from rankloop.store.questions import find_question
from rankloop.store.rendering import SETTINGS, render, to_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

    from rankloop.store.base import Value

TOLERANCE: Final = 1e-9
"""How far two fractions may lie apart, relative to the larger."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where two answers differ first."""

    what: str
    """What differs: the columns, or a row and its place."""

    duckdb: object
    """What DuckDB says."""

    clickhouse: object
    """What ClickHouse says."""


def copy_tables(source: duckdb.DuckDBPyConnection, target: Client) -> None:
    """Copy every table of a DuckDB database into an empty ClickHouse one."""
    names = source.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
    for (name,) in names:
        described = source.execute(f"DESCRIBE {name}").fetchall()
        columns = ", ".join(
            f'"{column}" {to_type(kind, is_nullable=null == "YES")}'
            for column, kind, null, *_ in described
        )
        target.command(f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY tuple()")
        rows = source.table(name).to_arrow_table()
        if rows.num_rows:
            target.insert_arrow(name, rows)


def compare_answers(
    question: str, parameters: Mapping[str, Value], answer: pa.Table, client: Client
) -> Disagreement | None:
    """Ask ClickHouse what DuckDB answered, and say where they differ first, if they do.

    Rows are compared in their order where the question sorts them, and as a set where it does
    not; fractions may differ in the tenth digit, since sums are taken in another order.
    """
    asked = find_question(question)
    other = client.query_arrow(render(asked, parameters), settings=dict(SETTINGS))
    if answer.column_names != other.column_names:
        return Disagreement("columns", answer.column_names, other.column_names)
    ours, theirs = _to_rows(answer), _to_rows(other)
    if not _is_sorted(asked.sql):
        ours, theirs = sorted(ours, key=_to_sort_key), sorted(theirs, key=_to_sort_key)
    for place, (one, two) in enumerate(zip_longest(ours, theirs)):
        if not _is_same(one, two):
            return Disagreement(f"row {place} of {len(ours)} and {len(theirs)}", one, two)
    return None


def _is_sorted(sql: str) -> bool:
    """Say whether a statement sorts its answer."""
    return sqlglot.parse_one(sql, read="duckdb").args.get("order") is not None


def _to_rows(answer: pa.Table) -> list[list[object]]:
    """Turn an answer into rows of values that compare across engines."""
    return [[_to_plain(value) for value in row.values()] for row in answer.to_pylist()]


def _to_plain(value: object) -> object:
    """Strip what only the engine's types add: zones, decimals, booleans."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    if isinstance(value, dict):
        return [_to_plain(item) for item in value.values()]
    return value


def _to_sort_key(row: list[object]) -> str:
    """Order rows alike on both sides, though fractions differ in their last digits."""
    return "|".join(f"{x:.6g}" if isinstance(x, float) else str(x) for x in row)


def _is_same(one: object, two: object) -> bool:
    """Say whether two values are one, up to the tolerance."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_is_same, one, two))
    if isinstance(one, int) and isinstance(two, int):
        return one == two
    if isinstance(one, int | float) and isinstance(two, int | float):
        both_nan = math.isnan(one) and math.isnan(two)
        return both_nan or math.isclose(one, two, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return one == two
