"""Rows on their way in: keys are given, retrievers resolved, all of it in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rankloop.errors import TableError
from rankloop.events.views import DEFAULT_RETRIEVER
from rankloop.store.statements import compose, fetch_row, join_names, quote, quote_text

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

LINE_SEARCHES: Final = "line_lists"
"""Lists that were read from lines, with their results in one column."""

LINE_IMPRESSIONS: Final = (
    "(SELECT list_number, CAST(page_offset + place - 1 AS INTEGER) AS position,"
    " result.document_id, result.score, result.logging_probability"
    " FROM (SELECT list_number, page_offset, unnest(results) AS result,"
    " generate_subscripts(results, 1) AS place FROM line_lists))"
)
"""What those lists showed."""

LINE_FEATURES: Final = "(SELECT list_number, features FROM line_lists WHERE features IS NOT NULL)"
"""What rankers saw of those lists."""

FEATURES_MARK: Final = b'"features":'
"""What lines of lists that a ranker looked at hold; most installations have none."""

LINE_INTERACTIONS: Final = "line_interactions"
"""Interactions that were read from lines."""

_RECENT_LISTS: Final = 1_000_000
"""How many of the newest lists are looked through before all are: a click follows its search
within minutes, and looking through 20 million takes a second."""

_MAX_LINE_BYTES: Final = 8 * 1024 * 1024
"""Longest line of the journal: 1,000 results with document ids of 512 characters, and room."""

_MAX_LIST_SPAN: Final = 1 << 40
"""Widest range of list numbers in one append; hashes for numbers would use up the keys."""

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
    """Read the next free keys; the first of each kind is 1.

    A key up to which rows were derived is not free, even if its row was erased: a new row with
    it would be taken for one that is derived already.
    """
    search, interaction = fetch_row(
        cursor,
        "SELECT max(key) FILTER (WHERE name = 'searches'),"
        " max(key) FILTER (WHERE name = 'interactions') FROM ("
        " SELECT name, key_done AS key FROM derivation_state"
        " UNION ALL SELECT 'searches', coalesce(max(search_key), 0) FROM searches"
        " UNION ALL SELECT 'interactions', coalesce(max(interaction_key), 0) FROM interactions)",
    )
    return Keys(search + 1, interaction + 1)


def stage_searches(cursor: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Read NDJSON of `SearchRow` into the TEMP table behind `LINE_SEARCHES`."""
    cursor.execute(
        compose(
            "CREATE OR REPLACE TEMP TABLE line_lists AS"
            " SELECT row_number() OVER () AS list_number, {columns}, results, features"
            " FROM {lines}",
            columns=_transformed(SEARCH_COLUMNS),
            lines=_reader(path, (*SEARCH_COLUMNS, "results", "features")),
        )
    )


def stage_interactions(cursor: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Read NDJSON of `InteractionRow` into the TEMP table behind `LINE_INTERACTIONS`."""
    cursor.execute(
        compose(
            "CREATE OR REPLACE TEMP TABLE line_interactions AS SELECT {columns} FROM {lines}",
            columns=_transformed(INTERACTION_COLUMNS),
            lines=_reader(path, INTERACTION_COLUMNS),
        )
    )


def insert_searches(
    cursor: duckdb.DuckDBPyConnection,
    keys: Keys,
    searches: str,
    impressions: str | None,
    features: str | None = None,
) -> tuple[int, int]:
    """Insert staged lists and what they showed; return how many rows of each.

    A list's key is its number moved past the keys in use, so that no join is needed.

    Args:
        cursor: In the transaction that is open.
        keys: The next free keys, which move on.
        searches: Staged lists, as a statement names them.
        impressions: What they showed, likewise.
        features: What rankers saw of them, likewise.
    """
    first, last = _find_list_range(cursor, searches)
    if last < first:
        return 0, 0
    shift = keys.search - first
    sources: dict[str, tuple[tuple[str, ...], str]] = {"searches": (SEARCH_COLUMNS, searches)}
    if impressions is not None:
        sources["impressions"] = (IMPRESSION_COLUMNS, impressions)
    if features is not None:
        sources["search_features"] = (("features",), features)
    counts = {
        table: _insert(
            cursor,
            compose(
                "INSERT INTO {table} (search_key, {columns})"
                " SELECT list_number + ({shift}), {columns} FROM {staged}",
                table=table,
                columns=join_names(columns),
                shift=str(shift),
                staged=staged,
            ),
        )
        for table, (columns, staged) in sources.items()
    }
    keys.search = last + shift + 1
    return counts["searches"], counts.get("impressions", 0)


def insert_interactions(cursor: duckdb.DuckDBPyConnection, keys: Keys, staged: str) -> int:
    """Insert staged interactions; return how many.

    A row without a retriever gets its search's, else the default one. Its key is its place in
    the staged table moved past the keys in use: to count rows in order would take one thread.

    Args:
        cursor: In the transaction that is open.
        keys: The next free keys, which move on.
        staged: The staged table, as a statement names it.
    """
    # A table made in the transaction that is open counts its rows from a high number.
    first_place, n_places, n_named = fetch_row(
        cursor,
        compose(
            "SELECT coalesce(min(rowid), 0), coalesce(max(rowid) - min(rowid) + 1, 0),"
            " count(*) FILTER (WHERE retriever_id IS NULL AND search_id IS NOT NULL)"
            " FROM {staged}",
            staged=staged,
        ),
    )
    if not n_places:
        return 0
    found = join = ""
    if n_named:
        _find_retrievers(cursor, keys, staged)
        found, join = "r.retriever_id, ", "LEFT JOIN line_retrievers r USING (search_id)"
    retriever = f"coalesce(i.retriever_id, {found}'{DEFAULT_RETRIEVER}')"
    n_rows = _insert(
        cursor,
        compose(
            "INSERT INTO interactions (interaction_key, {columns})"
            " SELECT i.rowid + ({first_key}), {values} FROM {staged} i {join}",
            columns=join_names(INTERACTION_COLUMNS),
            first_key=str(keys.interaction - first_place),
            values=", ".join(
                retriever if name == "retriever_id" else f"i.{quote(name)}"
                for name in INTERACTION_COLUMNS
            ),
            staged=staged,
            join=join,
        ),
    )
    keys.interaction += n_places
    return n_rows


def read_sequence(cursor: duckdb.DuckDBPyConnection) -> int:
    """Read the last delivered journal sequence; 0 before the first."""
    return _count(cursor, "SELECT coalesce(max(sequence), 0) FROM delivery_state")


def write_sequence(cursor: duckdb.DuckDBPyConnection, sequence: int) -> None:
    """Note the last delivered journal sequence."""
    given = {"sequence": sequence}
    if not fetch_row(cursor, "UPDATE delivery_state SET sequence = $sequence", given)[0]:
        cursor.execute("INSERT INTO delivery_state VALUES ('journal', $sequence)", given)


def _find_retrievers(cursor: duckdb.DuckDBPyConnection, keys: Keys, staged: str) -> None:
    """Fill `line_retrievers` with the retrievers of searches that rows without one name."""
    cursor.execute(
        compose(
            "CREATE OR REPLACE TEMP TABLE line_named AS SELECT DISTINCT search_id FROM {staged}"
            " WHERE retriever_id IS NULL AND search_id IS NOT NULL",
            staged=staged,
        )
    )
    look = (
        " SELECT search_id, arg_min(retriever_id, search_key) AS retriever_id FROM searches"
        " WHERE {range} AND search_id IN (SELECT search_id FROM line_named) GROUP BY search_id"
    )
    recent = str(keys.search - _RECENT_LISTS)
    cursor.execute(
        compose(
            "CREATE OR REPLACE TEMP TABLE line_retrievers AS" + look,
            range=f"search_key >= {recent}",
        )
    )
    if keys.search <= _RECENT_LISTS:
        return
    cursor.execute(
        "DELETE FROM line_named WHERE search_id IN (SELECT search_id FROM line_retrievers)"
    )
    if _count(cursor, "SELECT count(*) FROM line_named"):
        cursor.execute(
            compose("INSERT INTO line_retrievers" + look, range=f"search_key < {recent}")
        )


def _find_list_range(cursor: duckdb.DuckDBPyConnection, searches: str) -> tuple[int, int]:
    """Return the lowest and highest list number; (1, 0) where there are no rows."""
    first, last = fetch_row(
        cursor,
        compose("SELECT min(list_number), max(list_number) FROM {staged}", staged=searches),
    )
    if first is None:
        return 1, 0
    if last - first > _MAX_LIST_SPAN:
        raise TableError(
            f"list numbers reach from {first} to {last}",
            where="list_number",
            hint="Number lists by line, not by hash: keys are made from the numbers.",
        )
    return first, last


def _count(cursor: duckdb.DuckDBPyConnection, statement: str) -> int:
    """Run a statement that answers one number."""
    return int(fetch_row(cursor, statement)[0])


_insert = _count
"""An INSERT answers the number of its rows."""


def _transformed(columns: tuple[str, ...]) -> str:
    """Select columns of a journal line as the staged tables have them."""
    parts = []
    for name in columns:
        source = '"user"' if name == "user_key" else quote(name)
        if name in _TIMES:
            source = f"make_timestamp({source})"
        elif name in _DEFAULTS:
            source = f"coalesce({source}, {_DEFAULTS[name]})"
        parts.append(f"{source} AS {quote(name)}")
    return ", ".join(parts)


def _reader(path: Path, columns: tuple[str, ...]) -> str:
    """Write the table function that reads journal lines with their types told, not guessed."""
    names = ("user" if name == "user_key" else name for name in columns)
    types = ", ".join(f"'{name}': '{_JSON_TYPES.get(name, 'VARCHAR')}'" for name in names)
    return (
        f"read_json({quote_text(str(path))}, format = 'newline_delimited',"
        f" columns = {{{types}}}, maximum_object_size = {_MAX_LINE_BYTES})"
    )
