"""Statements for DuckDB: put together from names of our own, bound, run, and their errors told."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from rankloop.errors import InputError, TableError, UnavailableError
from rankloop.store.questions import find_question

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

    from rankloop.store.base import Value
    from rankloop.store.questions import Question


def compose(template: str, **parts: str) -> str:
    """Fill `{names}` in a statement with fragments of our own making.

    Values never go this way: they are bound.

    Example:
        >>> compose("SELECT {columns} FROM {table}", columns='"at"', table=quote("searches"))
        'SELECT "at" FROM "searches"'
    """
    return template.format(**parts)


def quote(name: str) -> str:
    """Quote a name; `at` and `day` are words of the dialect.

    Example:
        >>> quote("at")
        '"at"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Write a text as a literal, for the few places where the dialect binds none.

    Example:
        >>> quote_text("it's")
        "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def join_names(names: Iterable[str]) -> str:
    """Write a list of quoted names.

    Example:
        >>> join_names(["at", "day"])
        '"at", "day"'
    """
    return ", ".join(quote(name) for name in names)


def fetch_row(
    cursor: duckdb.DuckDBPyConnection,
    statement: str,
    parameters: Mapping[str, object] | None = None,
) -> tuple[Any, ...]:
    """Run a statement that answers one row, or that changes rows and answers how many.

    The answer is read to its end: a cursor with half an answer refuses the next question.
    """
    rows = cursor.execute(statement, parameters).fetchall()
    return tuple(rows[0])


def ask(
    cursor: duckdb.DuckDBPyConnection, question: str, parameters: Mapping[str, Value] | None = None
) -> pa.Table:
    """Answer a question on a cursor; see `EventStore.ask`."""
    asked = find_question(question)
    return cursor.sql(asked.sql, params=bind(asked, parameters or {})).to_arrow_table()


def bind(question: Question, parameters: Mapping[str, Value]) -> dict[str, Any] | None:
    """Make the parameters of a statement: what is left out is NULL, times become naive UTC.

    Raises:
        InputError: The question has no parameter of that name.
    """
    unknown = sorted(parameters.keys() - question.parameters.keys())
    if unknown:
        raise InputError(
            f"question {question.name!r} has no parameter {unknown[0]!r}",
            where=unknown[0],
            hint=f"It takes {', '.join(question.parameters) or 'none'}.",
        )
    return {name: _to_engine(parameters.get(name)) for name in question.used} or None


@contextmanager
def translated() -> Iterator[None]:
    """Tell the engine's errors in our own words.

    Raises:
        TableError: Rows are not of the shape that the tables have.
        UnavailableError: Memory or disk ran out, or the engine gave up.
    """
    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.FatalException) as error:
        raise UnavailableError(
            "the event store cannot take this now", hint="See the log for the engine's reason."
        ) from error
    except (
        duckdb.ConstraintException,
        duckdb.ConversionException,
        duckdb.InvalidInputException,
        duckdb.OutOfRangeException,
    ) as error:
        raise TableError(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    """Keep the engine's reason and drop its excerpt, which may quote what people typed."""
    line = str(error).splitlines()[0]
    return re.sub(r'"[^"]*"|\'[^\']*\'', "…", line)


def _to_engine(value: Value) -> Value:
    """Turn an aware moment into the naive UTC one that the tables hold."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value
