"""The store in one DuckDB file: one writer at a time, any number of readers."""

from __future__ import annotations

import shutil
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import duckdb
import numpy as np

from rankloop.errors import UnavailableError
from rankloop.store import appending, erasing, exporting, statements
from rankloop.store.base import Appended, Copied, Format, Kind, StoreConfig, Value
from rankloop.store.identifiers import SOURCES, IdentifierIndex, read_hashes, to_hashes
from rankloop.store.migrations import migrate, read_birth
from rankloop.store.statements import compose, quote, translated
from rankloop.store.transactions import DuckDBStaging, DuckDBTransaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

_HAS_ERASED: Final = "SELECT EXISTS (SELECT 1 FROM tombstones)"


class DuckDBStore:
    """The embedded `EventStore`.

    Every call takes a cursor of its own, so that any thread may call; writers queue behind one
    lock, readers see what was committed when they began.

    Args:
        config: Where the file is and how much memory and how many threads the engine has.

    Example:
        >>> store = DuckDBStore()
        >>> store.delivered_sequence()
        0
        >>> store.close()
    """

    def __init__(self, config: StoreConfig | None = None) -> None:
        self.config = config or StoreConfig()
        path = self.config.path
        self._home = Path(tempfile.mkdtemp(prefix="rankloop-")) if path is None else path.parent
        self._spool = self._home / "spool"
        self._connection = _connect(self.config, self._spool)
        try:
            migrate(self._connection)
            self._keys = appending.read_keys(self._connection)
            self._indexes = self._open_indexes()
        except BaseException:
            self._connection.close()
            raise
        self._lock = threading.Lock()
        self._writing = threading.RLock()
        self._is_open = True

    def append_lines(
        self, searches: bytes, interactions: bytes, *, sequence: int | None = None
    ) -> Appended:
        """Take in rows as NDJSON of `events.rows`, all or none; see `EventStore`."""
        with self._writing, self._cursor() as cursor:
            if sequence is not None and appending.read_sequence(cursor) >= sequence:
                return Appended(is_new=False)
            with self._begun(cursor):
                appended = self._append_lines(cursor, searches, interactions)
                if sequence is not None:
                    appending.write_sequence(cursor, sequence)
            return appended

    def check_lines(self, searches: bytes, interactions: bytes) -> None:
        """Raise `TableError` where rows cannot be taken in; keep nothing."""
        with self._writing, self._cursor() as cursor:
            keys = self._keys
            self._keys = appending.Keys(keys.search, keys.interaction)
            cursor.execute("BEGIN")
            try:
                self._append_lines(cursor, searches, interactions)
            finally:
                self._keys = keys
                _roll_back(cursor)

    def delivered_sequence(self) -> int:
        """Say up to which journal sequence rows were delivered; 0 before the first."""
        with self._cursor() as cursor:
            return appending.read_sequence(cursor)

    @contextmanager
    def staging(self) -> Iterator[DuckDBStaging]:
        """Open a private place in which a file is transformed; it is gone afterwards."""
        with self._cursor() as cursor:
            yield DuckDBStaging(cursor, lambda *names: self._append_staged(cursor, *names))

    def ask(self, question: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        """Answer one question of `store/sql` with what was committed before."""
        with self._cursor() as cursor:
            return statements.ask(cursor, question, parameters)

    @contextmanager
    def snapshot(self) -> Iterator[DuckDBTransaction]:
        """Hold a moment, so that several questions answer alike; writers go on meanwhile."""
        with self._cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            try:
                yield DuckDBTransaction(cursor)
            finally:
                _roll_back(cursor)

    @contextmanager
    def transaction(self) -> Iterator[DuckDBTransaction]:
        """Open a transaction; it commits at the end of the block, and not after an exception."""
        with self._writing, self._cursor() as cursor, self._begun(cursor):
            yield DuckDBTransaction(cursor)

    def known_identifiers(self, kind: Kind, identifiers: Sequence[str]) -> set[str]:
        """Say which of these identifiers are stored, or were erased."""
        if not identifiers:
            return set()
        table, key, identifier = SOURCES[kind]
        with self._cursor() as cursor:
            self._indexes[kind].refresh(cursor)
            keys = self._indexes[kind].find(to_hashes(identifiers))
            if not keys.size and not statements.fetch_row(cursor, _HAS_ERASED)[0]:
                return set()
            rows = cursor.execute(
                compose(
                    "SELECT {identifier} FROM {table}"
                    " WHERE {key} IN (SELECT unnest($keys::BIGINT[])) UNION ALL"
                    " SELECT t.name FROM (SELECT unnest($names::VARCHAR[]) AS name) t"
                    " JOIN tombstones d ON d.id_hash = md5(t.name)",
                    identifier=identifier,
                    key=key,
                    table=table,
                ),
                {"keys": keys.tolist(), "names": list(identifiers)},
            ).fetchall()
        return {name for (name,) in rows}.intersection(identifiers)

    def identifier_hashes(self, kind: Kind, after_key: int = 0) -> Iterator[NDArray[np.uint64]]:
        """Yield the lower half of each identifier's md5, in pieces, erased ones included."""
        with self._cursor() as cursor:
            if after_key:
                yield from (hashes for hashes, _ in read_hashes(cursor, kind, after_key))
            else:
                self._indexes[kind].refresh(cursor)
                yield from self._indexes[kind].iter_hashes()
            erased = cursor.execute("SELECT id_hash FROM tombstones").fetchall()
        if erased:
            digests = bytes.fromhex("".join(digest for (digest,) in erased))
            yield np.frombuffer(digests, dtype="<u8").reshape(-1, 2)[:, 1].astype(np.uint64)

    def erase_user(self, user_key: str) -> dict[str, int]:
        """Delete everything about one user; say how many rows went, by table."""
        with self._writing, self._cursor() as cursor:
            with self._begun(cursor):
                erased = erasing.erase_user(cursor, user_key)
            cursor.execute("CHECKPOINT")
        return erased

    def delete_interaction(self, interaction_id: str) -> bool:
        """Delete one interaction; say whether there was one."""
        with self._writing, self._cursor() as cursor, self._begun(cursor):
            return erasing.erase_interaction(cursor, interaction_id)["interactions"] > 0

    def copy_to(
        self,
        question: str,
        parameters: Mapping[str, Value] | None,
        path: Path,
        form: Format,
    ) -> Copied:
        """Write a question's answer into a file."""
        with self._cursor() as cursor:
            return exporting.copy_to(cursor, question, parameters or {}, path, form)

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file."""
        with self._writing, self._cursor() as cursor:
            cursor.execute("CHECKPOINT")

    def close(self) -> None:
        """Let go of the file; the second call does nothing."""
        with self._writing, self._lock:
            if not self._is_open:
                return
            self._is_open = False
            for index in self._indexes.values():
                index.close()
            self._connection.close()
            shutil.rmtree(self._spool if self.config.path else self._home, ignore_errors=True)

    def _append_lines(
        self, cursor: duckdb.DuckDBPyConnection, searches: bytes, interactions: bytes
    ) -> Appended:
        """Stage and insert both kinds inside the transaction that is open."""
        n_searches = n_impressions = n_interactions = 0
        if searches:
            with self._spooled(searches) as path:
                appending.stage_searches(cursor, path)
            is_seen = appending.FEATURES_MARK in searches
            n_searches, n_impressions = appending.insert_searches(
                cursor,
                self._keys,
                appending.LINE_SEARCHES,
                appending.LINE_IMPRESSIONS,
                appending.LINE_FEATURES if is_seen else None,
            )
        if interactions:
            with self._spooled(interactions) as path:
                appending.stage_interactions(cursor, path)
            n_interactions = appending.insert_interactions(
                cursor, self._keys, appending.LINE_INTERACTIONS
            )
        return Appended(n_searches, n_impressions, n_interactions)

    def _append_staged(
        self,
        cursor: duckdb.DuckDBPyConnection,
        searches: str | None,
        impressions: str | None,
        interactions: str | None,
    ) -> Appended:
        """Insert tables that were staged on a cursor."""
        n_searches = n_impressions = n_interactions = 0
        with translated(), self._writing, _in_any_order(cursor), self._begun(cursor):
            if searches is not None:
                shown = None if impressions is None else quote(impressions)
                n_searches, n_impressions = appending.insert_searches(
                    cursor, self._keys, quote(searches), shown
                )
            if interactions is not None:
                n_interactions = appending.insert_interactions(
                    cursor, self._keys, quote(interactions)
                )
        return Appended(n_searches, n_impressions, n_interactions)

    def _open_indexes(self) -> dict[Kind, IdentifierIndex]:
        """Open the index of each kind, in a folder that is named after this very database."""
        birth = read_birth(self._connection)
        folder = self._home / "identifiers" / birth if self.config.path else None
        return {
            "search": IdentifierIndex("search", folder, self._keys.search - 1),
            "interaction": IdentifierIndex("interaction", folder, self._keys.interaction - 1),
        }

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor of its own to one call, and tell the engine's errors in our words."""
        with self._lock:
            if not self._is_open:
                raise UnavailableError("the event store is closed")
            cursor = self._connection.cursor()
        try:
            with translated():
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


def _connect(config: StoreConfig, spool: Path) -> duckdb.DuckDBPyConnection:
    """Open the database, and an empty place beside it for what is on its way in."""
    target = ":memory:" if config.path is None else str(config.path)
    settings: dict[str, Any] = {
        "threads": config.threads,
        "memory_limit": f"{config.memory_limit_mib}MiB",
        "checkpoint_threshold": f"{config.checkpoint_mib}MiB",
        "temp_directory": str(spool),
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
    }
    try:
        spool.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(target, config=settings)
        # What an earlier owner left when it was killed; the database is ours by now.
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir()
    except (duckdb.IOException, OSError) as error:
        raise UnavailableError(f"the event store {target} cannot be opened: {error}") from error
    return connection


@contextmanager
def _in_any_order(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Let all threads insert at once: keys say what came first, the place of a row does not."""
    cursor.execute("SET SESSION preserve_insertion_order = false")
    try:
        yield
    finally:
        cursor.execute("SET SESSION preserve_insertion_order = true")


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    """Roll back, where the engine has not done so itself."""
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        return
