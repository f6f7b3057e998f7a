"""The store in one DuckDB file: one writer at a time, any number of readers."""

from __future__ import annotations

import tempfile
import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import duckdb
import pyarrow as pa

from rankloop.errors import InputError
from rankloop.store import appending
from rankloop.store.base import DERIVED_TABLES, Appended, StoreConfig, Value
from rankloop.store.migrations import migrate
from rankloop.store.questions import find_question

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class DuckDBStore:
    """The embedded `EventStore`.

    Every call takes a cursor of its own, so that any thread may call; writers queue behind one
    lock, readers see what was committed when they began.

    Example:
        >>> store = DuckDBStore()
        >>> store.delivered_sequence()
        0
        >>> store.close()
    """

    def __init__(self, config: StoreConfig | None = None) -> None:
        self.config = config or StoreConfig()
        path = self.config.path
        self._connection = duckdb.connect(
            ":memory:" if path is None else str(path), config=_engine_settings(self.config)
        )
        self._temporary = tempfile.TemporaryDirectory(
            prefix="spool-", dir=None if path is None else path.parent
        )
        self._spool = Path(self._temporary.name)
        self._lock = threading.Lock()
        self._writing = threading.RLock()
        migrate(self._connection)
        self._keys = appending.read_keys(self._connection)

    def append_lines(
        self, searches: bytes, interactions: bytes, *, sequence: int | None = None
    ) -> Appended:
        """Take in rows as NDJSON of `events.rows`, all or none; see `EventStore`."""
        with self._writing, self._cursor() as cursor:
            if sequence is not None and appending.has_delivered(cursor, sequence):
                return Appended(is_new=False)
            with self._begun(cursor):
                n_searches = n_impressions = n_interactions = 0
                if searches:
                    with self._spooled(searches) as path:
                        appending.stage_searches(cursor, path)
                    n_searches, n_impressions = appending.insert_searches(
                        cursor, self._keys, "line_lists", "line_impressions"
                    )
                if interactions:
                    with self._spooled(interactions) as path:
                        appending.stage_interactions(cursor, path)
                    n_interactions = appending.insert_interactions(
                        cursor, self._keys, "line_interactions"
                    )
                if sequence is not None:
                    appending.write_sequence(cursor, sequence)
            return Appended(n_searches, n_impressions, n_interactions)

    def delivered_sequence(self) -> int:
        """Say up to which journal sequence rows were delivered; 0 before the first."""
        with self._cursor() as cursor:
            return appending.read_sequence(cursor)

    @contextmanager
    def staging(self) -> Iterator[DuckDBStaging]:
        """Open a private place in which a file is transformed; it is gone afterwards."""
        with self._cursor() as cursor:
            yield DuckDBStaging(self, cursor)

    def ask(self, question: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Answer one question of `store/sql` with what was committed before."""
        with self._cursor() as cursor:
            return ask(cursor, question, parameters)

    @contextmanager
    def transaction(self) -> Iterator[DuckDBTransaction]:
        """Open a transaction; it commits at the end of the block, and not after an exception."""
        with self._writing, self._cursor() as cursor, self._begun(cursor):
            yield DuckDBTransaction(cursor)

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file."""
        with self._writing, self._cursor() as cursor:
            cursor.execute("CHECKPOINT")

    def close(self) -> None:
        """Let go of the file; the second call does nothing."""
        with self._writing:
            self._connection.close()
            self._temporary.cleanup()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor of its own to one call."""
        with self._lock:
            cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextmanager
    def _begun(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Run a block in a transaction; keys that a failed one took are free again."""
        search, interaction = self._keys.search, self._keys.interaction
        cursor.execute("BEGIN")
        try:
            yield
            cursor.execute("COMMIT")
        except BaseException:
            self._keys.search, self._keys.interaction = search, interaction
            _roll_back(cursor)
            raise

    @contextmanager
    def _spooled(self, lines: bytes) -> Iterator[Path]:
        """Lay lines into a file for the engine's reader, and take it away again."""
        path = self._spool / f"{uuid4().hex}.ndjson"
        path.write_bytes(lines)
        try:
            yield path
        finally:
            path.unlink()


class DuckDBStaging:
    """A cursor with TEMP tables of its own, beside the store's tables."""

    def __init__(self, store: DuckDBStore, cursor: duckdb.DuckDBPyConnection) -> None:
        self._store = store
        self._cursor = cursor

    def execute(self, statement: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Run one statement of DuckDB's dialect; make only TEMP tables."""
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
        """Take in staged tables in one transaction; see `Staging`."""
        store, cursor = self._store, self._cursor
        n_searches = n_impressions = n_interactions = 0
        with store._writing, store._begun(cursor):
            if searches is not None:
                n_searches, n_impressions = appending.insert_searches(
                    cursor, store._keys, searches, impressions
                )
            if interactions is not None:
                n_interactions = appending.insert_interactions(cursor, store._keys, interactions)
        return Appended(n_searches, n_impressions, n_interactions)


class DuckDBTransaction:
    """Questions and changes that become visible together or not at all."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def ask(self, question: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Answer a question as the transaction sees the store."""
        return ask(self._cursor, question, parameters)

    def replace_days(
        self,
        table: str,
        question: str,
        days: Sequence[date],
        parameters: Mapping[str, Value] | None = None,
    ) -> int:
        """Delete a derived table's rows of some days, insert a question's answer instead."""
        if table not in DERIVED_TABLES:
            raise InputError(f"{table!r} is not a derived table", where="table")
        day = "interaction_day" if table == "credits" else '"day"'
        self._cursor.execute(
            f"DELETE FROM {table} WHERE {day} IN (SELECT unnest($days::DATE[]))",
            {"days": list(days)},
        )
        asked = find_question(question)
        row = self._cursor.execute(
            f"INSERT INTO {table} BY NAME {asked.sql}",
            bind(asked.name, asked.used, {**(parameters or {}), "days": list(days)}),
        ).fetchone()
        return int(row[0]) if row else 0

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
        row = self._cursor.execute(
            "SELECT coalesce(max(key_done), 0) FROM derivation_state WHERE name = ?", [name]
        ).fetchone()
        return int(row[0]) if row else 0

    def write_watermark(self, name: str, key: int) -> None:
        """Note up to which key something is derived."""
        self._cursor.execute("DELETE FROM derivation_state WHERE name = ?", [name])
        self._cursor.execute("INSERT INTO derivation_state VALUES (?, ?)", [name, key])


def ask(
    cursor: duckdb.DuckDBPyConnection, question: str, parameters: Mapping[str, Value] | None
) -> pa.Table:
    """Answer a question on a cursor."""
    asked = find_question(question)
    return cursor.sql(
        asked.sql, params=bind(asked.name, asked.used, parameters or {})
    ).to_arrow_table()


def bind(
    question: str, used: frozenset[str], parameters: Mapping[str, Value]
) -> dict[str, Any] | None:
    """Make the parameters of a statement: what is left out is NULL, times become naive UTC."""
    unknown = sorted(parameters.keys() - used - {"days"})
    if unknown:
        raise InputError(f"question {question!r} has no parameter {unknown[0]!r}", where=unknown[0])
    return {name: _to_engine(parameters.get(name)) for name in used} or None


def _to_engine(value: Value) -> Value:
    """Turn an aware moment into the naive UTC one that the tables hold."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    """Roll back, where the engine has not done so itself."""
    try:
        cursor.execute("ROLLBACK")
    except duckdb.TransactionException:
        return


def _engine_settings(config: StoreConfig) -> dict[str, Any]:
    """Translate the config into the engine's settings."""
    return {
        "threads": config.threads,
        "memory_limit": f"{config.memory_limit_mib}MiB",
        "checkpoint_threshold": f"{config.checkpoint_mib}MiB",
    }
