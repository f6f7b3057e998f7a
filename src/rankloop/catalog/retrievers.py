"""Retrievers: what each pipeline is, version by version, and which version is in use."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from rankloop.catalog.database import open_catalog
from rankloop.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_METADATA: Final = MetaData()

RETRIEVERS: Final = Table(
    "retrievers",
    _METADATA,
    Column("retriever_id", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("deleted_at", BigInteger, nullable=True),
)

VERSIONS: Final = Table(
    "retriever_versions",
    _METADATA,
    Column("retriever_id", String(128), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("configuration", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("restored_from", Integer, nullable=True),
)

_encode: Final = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class RetrieverVersion:
    """One version of one retriever's pipeline; never changed once written.

    Attributes:
        retriever_id: Whose pipeline.
        version: Counted from 1; numbers are not used twice, not even after a deletion.
        configuration: Stages, embedder and weights, as they were sent.
        created_at: Microseconds UTC.
        restored_from: The older version that this one repeats; None for a new one.
    """

    retriever_id: str
    version: int
    configuration: Mapping[str, Any]
    created_at: int
    restored_from: int | None = None

    @property
    def name(self) -> str:
        """The pipeline's name in every search that it ranks.

        Example:
            >>> RetrieverVersion("products", 12, {}, 0).name
            'products@12'
        """
        return f"{self.retriever_id}@{self.version}"


class RetrieverCatalog:
    """The retrievers of one data folder.

    What is in use is held in memory, so that asking for it costs a look-up; a change is in use as
    soon as it is written.

    Args:
        path: The catalog's file; made if absent.
        now_us: The clock, in microseconds UTC.

    Example:
        >>> import tempfile
        >>> catalog = RetrieverCatalog(Path(tempfile.mkdtemp()) / "catalog.db", lambda: 0)
        >>> catalog.put("products", {"stages": []}).name
        'products@1'
        >>> catalog.put("products", {"stages": [{"type": "text_search"}]}).name
        'products@2'
        >>> restored = catalog.restore("products", 1)
        >>> restored.name, restored.configuration, restored.restored_from
        ('products@3', {'stages': []}, 1)
        >>> catalog.close()
    """

    def __init__(self, path: Path, now_us: Callable[[], int]) -> None:
        self._engine = open_catalog(Path(path))
        self._now_us = now_us
        self._lock = threading.Lock()
        self._in_use = self._read_in_use()

    def find(self, retriever_id: str) -> RetrieverVersion | None:
        """Return the version in use; None where there is no such retriever."""
        return self._in_use.get(retriever_id)

    def in_use(self) -> list[RetrieverVersion]:
        """List the version in use of every retriever, by name."""
        return [self._in_use[name] for name in sorted(self._in_use)]

    def versions(self, retriever_id: str) -> list[RetrieverVersion]:
        """List every version of a retriever, newest first.

        Raises:
            NotFoundError: There is no such retriever.
        """
        self._check_known(retriever_id)
        query = select(VERSIONS).where(VERSIONS.c.retriever_id == retriever_id)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(VERSIONS.c.version.desc())).all()
        return [_to_version(row) for row in rows]

    def put(self, retriever_id: str, configuration: Mapping[str, Any]) -> RetrieverVersion:
        """Write a new version and put it into use.

        A configuration equal to the one in use is not a change: the version in use is returned.
        """
        with self._lock:
            current = self._in_use.get(retriever_id)
            if current is not None and _encode(current.configuration) == _encode(configuration):
                return current
            return self._write(retriever_id, configuration, None)

    def restore(self, retriever_id: str, version: int) -> RetrieverVersion:
        """Put an older version into use again, as a new version.

        Raises:
            NotFoundError: There is no such retriever, or it has no such version.
        """
        with self._lock:
            self._check_known(retriever_id)
            query = select(VERSIONS).where(
                VERSIONS.c.retriever_id == retriever_id, VERSIONS.c.version == version
            )
            with self._engine.connect() as connection:
                row = connection.execute(query).first()
            if row is None:
                newest = self._in_use[retriever_id].version
                raise NotFoundError(
                    f"{retriever_id} has no version {version}",
                    where="/version",
                    hint=f"Its versions are 1 to {newest}.",
                )
            return self._write(retriever_id, _to_version(row).configuration, version)

    def delete(self, retriever_id: str) -> None:
        """Take a retriever out of use; its versions stay on record.

        Raises:
            NotFoundError: There is no such retriever.
        """
        with self._lock:
            self._check_known(retriever_id)
            with self._engine.begin() as connection:
                connection.execute(
                    update(RETRIEVERS)
                    .where(RETRIEVERS.c.retriever_id == retriever_id)
                    .values(deleted_at=self._now_us())
                )
            del self._in_use[retriever_id]

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _check_known(self, retriever_id: str) -> None:
        if retriever_id not in self._in_use:
            raise NotFoundError(
                f"no retriever is called {retriever_id!r}",
                where="/retriever_id",
                hint="PUT /v1/retrievers/{id} makes one.",
            )

    def _write(
        self, retriever_id: str, configuration: Mapping[str, Any], restored_from: int | None
    ) -> RetrieverVersion:
        """Write the next version, in one transaction with what is in use."""
        text = _encode(configuration)
        with self._engine.begin() as connection:
            last = _last_version(connection, retriever_id)
            made = RetrieverVersion(
                retriever_id, last + 1, msgspec.json.decode(text), self._now_us(), restored_from
            )
            connection.execute(
                insert(VERSIONS).values(
                    retriever_id=retriever_id,
                    version=made.version,
                    configuration=text.decode(),
                    created_at=made.created_at,
                    restored_from=restored_from,
                )
            )
            values = {"version": made.version, "deleted_at": None}
            if last:
                known = RETRIEVERS.c.retriever_id == retriever_id
                connection.execute(update(RETRIEVERS).where(known).values(**values))
            else:
                connection.execute(insert(RETRIEVERS).values(retriever_id=retriever_id, **values))
        self._in_use[retriever_id] = made
        return made

    def _read_in_use(self) -> dict[str, RetrieverVersion]:
        """Read which version of each retriever is in use."""
        is_current = (VERSIONS.c.retriever_id == RETRIEVERS.c.retriever_id) & (
            VERSIONS.c.version == RETRIEVERS.c.version
        )
        query = select(VERSIONS).join(RETRIEVERS, is_current)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(RETRIEVERS.c.deleted_at.is_(None))).all()
        return {row.retriever_id: _to_version(row) for row in rows}


def _last_version(connection: Connection, retriever_id: str) -> int:
    """Return the highest version that a name ever had; 0 before the first."""
    query = select(RETRIEVERS.c.version).where(RETRIEVERS.c.retriever_id == retriever_id)
    return int(connection.execute(query).scalar() or 0)


def _to_version(row: Any) -> RetrieverVersion:  # noqa: ANN401 a row of SQLAlchemy
    """Read one row."""
    return RetrieverVersion(
        row.retriever_id,
        row.version,
        msgspec.json.decode(row.configuration),
        row.created_at,
        row.restored_from,
    )
