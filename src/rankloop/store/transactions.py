"""Two rooms beside the tables: a transaction for what is derived, a staging place for files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rankloop.errors import InputError
from rankloop.store import statements
from rankloop.store.base import DERIVED_TABLES, Appended, Value
from rankloop.store.questions import find_question
from rankloop.store.statements import bind, compose, fetch_row, quote, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    import duckdb


class DuckDBTransaction:
    """Questions and changes that become visible together or not at all; see `Transaction`."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def ask(self, question: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Answer a question as the transaction sees the store."""
        return statements.ask(self._cursor, question, parameters)

    def replace_days(
        self,
        table: str,
        question: str,
        days: Sequence[date],
        parameters: Mapping[str, Value] | None = None,
    ) -> int:
        """Delete a derived table's rows of some days, insert a question's answer instead."""
        self.delete_days(table, days)
        given = {"days": list(days)}
        asked = find_question(question)
        row = fetch_row(
            self._cursor,
            compose("INSERT INTO {table} BY NAME {answer}", table=table, answer=asked.sql),
            bind(asked, {**(parameters or {}), **(given if "days" in asked.parameters else {})}),
        )
        return int(row[0])

    def delete_days(self, table: str, days: Sequence[date]) -> int:
        """Delete a derived table's rows of some days; say how many there were."""
        if table not in DERIVED_TABLES:
            raise InputError(f"{table!r} is not a derived table", where="table")
        statement = compose(
            "DELETE FROM {table} WHERE {day} IN (SELECT unnest($days::DATE[]))",
            table=table,
            day=quote(DERIVED_TABLES[table]),
        )
        return int(fetch_row(self._cursor, statement, {"days": list(days)})[0])

    def read_days(self) -> list[date]:
        """List the days whose derived rows are stale, in order."""
        rows = self._cursor.execute('SELECT DISTINCT "day" FROM dirty_days ORDER BY 1').fetchall()
        return [day for (day,) in rows]

    def mark_days(self, days: Sequence[date]) -> None:
        """Note days whose derived rows are stale."""
        self._cursor.execute(
            "INSERT INTO dirty_days SELECT unnest($days::DATE[])"
            ' EXCEPT SELECT "day" FROM dirty_days',
            {"days": list(days)},
        )

    def clear_days(self, days: Sequence[date]) -> None:
        """Forget that these days are stale."""
        self._cursor.execute(
            'DELETE FROM dirty_days WHERE "day" IN (SELECT unnest($days::DATE[]))',
            {"days": list(days)},
        )

    def read_watermark(self, name: str) -> int:
        """Say up to which key something was derived; 0 where it never was."""
        row = fetch_row(
            self._cursor,
            "SELECT coalesce(max(key_done), 0) FROM derivation_state WHERE name = $name",
            {"name": name},
        )
        return int(row[0])

    def write_watermark(self, name: str, key: int) -> None:
        """Note up to which key something is derived."""
        self._cursor.execute("DELETE FROM derivation_state WHERE name = ?", [name])
        self._cursor.execute("INSERT INTO derivation_state VALUES (?, ?)", [name, key])


class DuckDBStaging:
    """A cursor with TEMP tables of its own, beside the store's tables; see `Staging`.

    Args:
        cursor: Where statements run.
        append: Takes the names of staged searches, impressions and interactions in, at once.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        append: Callable[[str | None, str | None, str | None], Appended],
    ) -> None:
        self._cursor = cursor
        self._append = append

    def execute(self, statement: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Run one statement of DuckDB's dialect; make only TEMP tables."""
        with translated():
            answer = self._cursor.sql(statement, params=dict(parameters) if parameters else None)
            return pa.table({}) if answer is None else answer.to_arrow_table()

    def lend(self, name: str, rows: pa.Table) -> None:
        """Let statements read rows from outside by this name; nothing is copied."""
        self._cursor.register(name, rows)

    def append(
        self,
        searches: str | None = None,
        impressions: str | None = None,
        interactions: str | None = None,
    ) -> Appended:
        """Take in staged tables in one transaction."""
        return self._append(searches, impressions, interactions)
