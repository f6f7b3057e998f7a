"""The peer of the search benchmark: learned ranking as a team would write it, by SQL per query.

Interactions lie in SQLite with the indexes that the questions want. It counts raw interactions,
knows no decay, no positions and no robots, and keeps nothing between queries.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from rankloop.stages.base import Candidates, Query
    from rankloop.store.base import EventStore

POPULAR_DAYS: Final = 7
EXCLUDED_DAYS: Final = 90
N_HISTORY: Final = 200

_DAY_US: Final = 86_400_000_000
_BATCH: Final = 100_000
_PURCHASE: Final = 1 << 3

_MAKE: Final = """
CREATE TABLE interactions
    (document_id TEXT, user_key TEXT, at_us INTEGER, type_mask INTEGER, position INTEGER)
"""
_INDEXES: Final = (
    "CREATE INDEX by_document ON interactions (document_id, at_us)",
    "CREATE INDEX by_user ON interactions (user_key, at_us)",
)
_READ: Final = """
SELECT document_id, user_key, epoch_us("at") AS at_us, type_mask, position FROM interactions
ORDER BY at_us LIMIT $n OFFSET $first
"""
_COUNT: Final = """
SELECT document_id, count(*) FROM interactions
WHERE document_id IN (SELECT value FROM json_each(?)) AND at_us >= ? GROUP BY document_id
"""
_BOUGHT: Final = """
SELECT DISTINCT document_id FROM interactions WHERE user_key = ? AND at_us >= ? AND type_mask & ?
"""
_HISTORY: Final = """
SELECT document_id FROM interactions WHERE user_key = ? ORDER BY at_us DESC LIMIT ?
"""


class SqlRanking:
    """Boost by count, exclusion and repeat clicks, asked of a database for every query."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)

    def fill(self, store: EventStore) -> None:
        """Copy every interaction and index them."""
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(_MAKE)
        for rows in _iter_rows(store):
            self._database.executemany("INSERT INTO interactions VALUES (?, ?, ?, ?, ?)", rows)
        for statement in _INDEXES:
            self._database.execute(statement)
        self._database.execute("ANALYZE")
        self._database.commit()

    def read_excluded(self, query: Query) -> frozenset[str]:
        """Return what the user bought."""
        since_us = _to_us(query.now) - EXCLUDED_DAYS * _DAY_US
        rows = self._database.execute(_BOUGHT, (query.user_key, since_us, _PURCHASE))
        return frozenset(document_id for (document_id,) in rows)

    def rank(self, query: Query, candidates: Candidates) -> Candidates:
        """Boost what was clicked often lately, and what the user clicked before."""
        since_us = _to_us(query.now) - POPULAR_DAYS * _DAY_US
        names = "[" + ",".join(f'"{name}"' for name in candidates.document_ids) + "]"
        counts = dict(self._database.execute(_COUNT, (names, since_us)).fetchall())
        rows = self._database.execute(_HISTORY, (query.user_key, N_HISTORY))
        mine = Counter(document_id for (document_id,) in rows)
        excluded = self.read_excluded(query)
        kept = candidates.kept([name not in excluded for name in candidates.document_ids])
        boosts = [
            1.0 + 0.05 * min(counts.get(name, 0), 4) + 0.1 * min(mine[name], 2)
            for name in kept.document_ids
        ]
        return kept.rescored(kept.scores * np.array(boosts))

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def _iter_rows(store: EventStore) -> Iterator[list[tuple[object, ...]]]:
    """Yield every interaction in batches."""
    first = 0
    with store.staging() as staging:
        while True:
            table = staging.execute(_READ, {"n": _BATCH, "first": first})
            if not table.num_rows:
                return
            yield list(zip(*(column.to_pylist() for column in table.columns), strict=True))
            first += _BATCH


def _to_us(moment: datetime) -> int:
    """Write a moment as microseconds."""
    return int(moment.timestamp() * 1e6)
