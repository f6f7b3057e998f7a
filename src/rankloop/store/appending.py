"""Rows on their way in: keys are given, retrievers resolved, and all of it in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rankloop.errors import TableError

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

SEARCH_COLUMNS: Final = (
    "search_id",
    "page_offset",
    "at",
    "received_at",
    "retriever_id",
    "pipeline_version",
    "query",
    "query_key",
    "filters",
    "user_key",
    "session_id",
    "surface",
    "device",
    "actor",
    "variant",
    "total",
    "latency_ms",
    "tags",
    "source",
    "n_results",
)
"""Columns of staged searches, beside `list_number`."""

IMPRESSION_COLUMNS: Final = ("position", "document_id", "score", "logging_probability")
"""Columns of staged impressions, beside `list_number`."""

INTERACTION_COLUMNS: Final = (
    "interaction_id",
    "at",
    "received_at",
    "retriever_id",
    "search_id",
    "document_id",
    "types",
    "type_mask",
    "position",
    "query",
    "query_key",
    "user_key",
    "session_id",
    "device",
    "duration_ms",
    "value_micros",
    "currency",
    "metadata",
    "source",
)
"""Columns of staged interactions."""

DEFAULT_RETRIEVER: Final = "default"
"""Where an interaction belongs that names neither a retriever nor a known search."""

_MAX_LINE_BYTES: Final = 8 * 1024 * 1024
"""Longest line of the journal: 1,000 results with document ids of 512 characters, and room."""

_MAX_LIST_SPAN: Final = 1 << 40
"""Widest range of list numbers in one append; a hash for a number would use up the keys."""

_JSON_TYPES: Final = {
    "at": "BIGINT",
    "received_at": "BIGINT",
    "page_offset": "INTEGER",
    "total": "BIGINT",
    "latency_ms": "DOUBLE",
    "n_results": "INTEGER",
    "types": "VARCHAR[]",
    "type_mask": "BIGINT",
    "position": "INTEGER",
    "duration_ms": "DOUBLE",
    "value_micros": "BIGINT",
    "results": "STRUCT(document_id VARCHAR, score DOUBLE, logging_probability DOUBLE)[]",
}
_DEFAULTS: Final = {"page_offset": "0", "actor": "'human'", "source": "'api'"}
_TIMES: Final = frozenset({"at", "received_at"})


@dataclass(slots=True)
class Keys:
    """The next free keys; guarded by the store's write lock."""

    search: int
    interaction: int


def read_keys(cursor: duckdb.DuckDBPyConnection) -> Keys:
    """Read the next free keys; the first of each kind is 1."""
    row = cursor.execute(
        "SELECT (SELECT coalesce(max(search_key), 0) FROM searches),"
        " (SELECT coalesce(max(interaction_key), 0) FROM interactions)"
    ).fetchone()
    return Keys(int(row[0]) + 1, int(row[1]) + 1) if row else Keys(1, 1)


def stage_searches(cursor: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Read NDJSON of `SearchRow` into the TEMP tables `line_searches`, `line_impressions`."""
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE line_lists AS"
        f" SELECT row_number() OVER () AS list_number, {_transformed(SEARCH_COLUMNS)}, results"
        f" FROM {_reader(path, (*SEARCH_COLUMNS, 'results'))}"
    )
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE line_impressions AS"
        " SELECT list_number, CAST(page_offset + place - 1 AS INTEGER) AS position,"
        " result.document_id, result.score, result.logging_probability"
        " FROM (SELECT list_number, page_offset, unnest(results) AS result,"
        " generate_subscripts(results, 1) AS place FROM line_lists)"
    )


def stage_interactions(cursor: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Read NDJSON of `InteractionRow` into the TEMP table `line_interactions`."""
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE line_interactions AS"
        f" SELECT {_transformed(INTERACTION_COLUMNS)} FROM {_reader(path, INTERACTION_COLUMNS)}"
    )


def insert_searches(
    cursor: duckdb.DuckDBPyConnection, keys: Keys, searches: str, impressions: str | None
) -> tuple[int, int]:
    """Insert staged lists and what they showed; return how many rows of each.

    A list's key is its number moved past the keys in use, so that no join is needed.
    """
    first, last = _list_range(cursor, searches)
    if last < first:
        return 0, 0
    shift = keys.search - first
    names = _names(SEARCH_COLUMNS)
    n_searches = _insert(
        cursor,
        f"INSERT INTO searches (search_key, {names})"
        f" SELECT list_number + {shift}, {names} FROM {searches}",
    )
    n_impressions = 0
    if impressions is not None:
        names = _names(IMPRESSION_COLUMNS)
        n_impressions = _insert(
            cursor,
            f"INSERT INTO impressions (search_key, {names})"
            f" SELECT list_number + {shift}, {names} FROM {impressions}",
        )
    keys.search = last + shift + 1
    return n_searches, n_impressions


def insert_interactions(cursor: duckdb.DuckDBPyConnection, keys: Keys, interactions: str) -> int:
    """Insert staged interactions; return how many.

    A row without a retriever gets its search's, else the default one.
    """
    is_joined = _find_retrievers(cursor, interactions)
    retriever = (
        f"coalesce(i.retriever_id, r.found, '{DEFAULT_RETRIEVER}')"
        if is_joined
        else f"coalesce(i.retriever_id, '{DEFAULT_RETRIEVER}')"
    )
    columns = ", ".join(
        retriever if name == "retriever_id" else f'i."{name}"' for name in INTERACTION_COLUMNS
    )
    join = " LEFT JOIN line_retrievers r ON r.search_id = i.search_id" if is_joined else ""
    n_rows = _insert(
        cursor,
        f"INSERT INTO interactions (interaction_key, {_names(INTERACTION_COLUMNS)})"
        f" SELECT {keys.interaction - 1} + row_number() OVER (), {columns}"
        f" FROM {interactions} i{join}",
    )
    keys.interaction += n_rows
    return n_rows


def has_delivered(cursor: duckdb.DuckDBPyConnection, sequence: int) -> bool:
    """Say whether this journal sequence was delivered before."""
    return read_sequence(cursor) >= sequence


def read_sequence(cursor: duckdb.DuckDBPyConnection) -> int:
    """Read the last delivered journal sequence; 0 before the first."""
    row = cursor.execute("SELECT coalesce(max(sequence), 0) FROM delivery_state").fetchone()
    return int(row[0]) if row else 0


def write_sequence(cursor: duckdb.DuckDBPyConnection, sequence: int) -> None:
    """Note the last delivered journal sequence."""
    cursor.execute("DELETE FROM delivery_state")
    cursor.execute("INSERT INTO delivery_state VALUES ('journal', ?)", [sequence])


def _find_retrievers(cursor: duckdb.DuckDBPyConnection, interactions: str) -> bool:
    """Fill `line_retrievers` for the rows that name a search only; say whether there are any."""
    row = cursor.execute(
        f"SELECT count(*) FROM {interactions} WHERE retriever_id IS NULL AND search_id IS NOT NULL"
    ).fetchone()
    if row is None or row[0] == 0:
        return False
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE line_retrievers AS"
        " SELECT search_id, arg_min(retriever_id, search_key) AS found FROM searches"
        f" WHERE search_id IN (SELECT search_id FROM {interactions} WHERE retriever_id IS NULL)"
        " GROUP BY search_id"
    )
    return True


def _list_range(cursor: duckdb.DuckDBPyConnection, searches: str) -> tuple[int, int]:
    """Return the lowest and highest list number; (1, 0) for no rows."""
    row = cursor.execute(f"SELECT min(list_number), max(list_number) FROM {searches}").fetchone()
    if row is None or row[0] is None:
        return 1, 0
    if row[1] - row[0] > _MAX_LIST_SPAN:
        raise TableError(
            f"list numbers reach from {row[0]} to {row[1]}",
            where="list_number",
            hint="Number lists by line, not by hash: keys are made from the numbers.",
        )
    return int(row[0]), int(row[1])


def _insert(cursor: duckdb.DuckDBPyConnection, statement: str) -> int:
    """Run an INSERT and return its count of rows."""
    row = cursor.execute(statement).fetchone()
    return int(row[0]) if row else 0


def _names(columns: tuple[str, ...]) -> str:
    """Quote column names (`at` is a word of the dialect)."""
    return ", ".join(f'"{name}"' for name in columns)


def _transformed(columns: tuple[str, ...]) -> str:
    """Select columns of a journal line as the staged tables have them."""
    parts = []
    for name in columns:
        source = '"user"' if name == "user_key" else f'"{name}"'
        if name in _TIMES:
            source = f"make_timestamp({source})"
        elif name in _DEFAULTS:
            source = f"coalesce({source}, {_DEFAULTS[name]})"
        parts.append(f'{source} AS "{name}"')
    return ", ".join(parts)


def _reader(path: Path, columns: tuple[str, ...]) -> str:
    """Write the table function that reads journal lines with their types told, not guessed."""
    names = ("user" if name == "user_key" else name for name in columns)
    types = ", ".join(f"'{name}': '{_JSON_TYPES.get(name, 'VARCHAR')}'" for name in names)
    quoted = str(path).replace("'", "''")
    return (
        f"read_json('{quoted}', format = 'newline_delimited', columns = {{{types}}},"
        f" maximum_object_size = {_MAX_LINE_BYTES})"
    )
