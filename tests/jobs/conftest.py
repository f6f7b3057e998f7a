"""A log in memory, written in a few words, and the insights over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec
import pytest

from rankloop.attribution.derivation import Derivation
from rankloop.events.queries import to_query_key
from rankloop.events.rows import InteractionRow, ResultRow, SearchRow
from rankloop.events.types import to_mask
from rankloop.jobs.insights import Insights
from rankloop.store.duckdb import DuckDBStore

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Log:
    """Searches and interactions of one store, and the insights over them."""

    def __init__(self) -> None:
        self.store = DuckDBStore()
        self.insights = Insights(self.store, Derivation(self.store))
        self._searches: list[SearchRow] = []
        self._interactions: list[InteractionRow] = []
        self.numbers = count(1)

    def search(
        self,
        query: str = "shoes",
        shown: list[str] | None = None,
        clicked: list[str] | None = None,
        *,
        user: str | None = None,
        at: datetime = NOON,
        after_s: float = 2.0,
        **more: object,
    ) -> str:
        """Show a list, click some of it, and return its `search_id`."""
        search_id = f"s{next(self.numbers)}"
        moment = int(at.timestamp() * 1_000_000)
        results = [ResultRow(document_id) for document_id in shown or []]
        row = SearchRow(
            search_id=search_id,
            at=moment,
            received_at=moment,
            retriever_id="products",
            query=query,
            query_key=to_query_key(query),
            user=user,
            n_results=None if shown is None else len(results),
            results=results,
        )
        self._searches.append(msgspec.structs.replace(row, **more))
        for document_id in clicked or []:
            self.interact(
                document_id, search_id=search_id, user=user, at=at + timedelta(seconds=after_s)
            )
        return search_id

    def interact(
        self,
        document_id: str | None = None,
        types: tuple[str, ...] = ("click",),
        *,
        search_id: str | None = None,
        user: str | None = None,
        at: datetime = NOON,
        **more: object,
    ) -> None:
        """Do something with a document."""
        moment = int(at.timestamp() * 1_000_000)
        row = InteractionRow(
            interaction_id=f"i{next(self.numbers)}",
            at=moment,
            received_at=moment,
            types=list(types),
            type_mask=to_mask(types),
            search_id=search_id,
            document_id=document_id,
            user=user,
        )
        self._interactions.append(msgspec.structs.replace(row, **more))

    def write(self) -> Insights:
        """Hand everything to the store and return the insights over it."""
        lines = [
            b"\n".join(msgspec.json.encode(row) for row in rows)
            for rows in (self._searches, self._interactions)
        ]
        self.store.append_lines(*lines)
        self._searches, self._interactions = [], []
        return self.insights


@pytest.fixture
def make_log() -> Iterator[Callable[[], Log]]:
    """Return what makes further empty logs."""
    made: list[Log] = []

    def make() -> Log:
        made.append(Log())
        return made[-1]

    yield make
    for each in made:
        each.store.close()


@pytest.fixture
def log() -> Iterator[Log]:
    """Return an empty log."""
    made = Log()
    yield made
    made.store.close()
