"""A store with its counters, and a way to accept events that both hear of."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rankloop.counters.base import CountersConfig, PopularityWindow
from rankloop.counters.live import LiveCounters
from rankloop.events.types import to_mask
from rankloop.store.duckdb import DuckDBStore
from rankloop.testing.builders import build_interaction, build_search, to_lines
from rankloop.testing.stage_contract import NOON

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rankloop.counters.base import Popularity
    from rankloop.events.rows import InteractionRow, SearchRow


class CountedShop:
    """The retriever `products` at noon: its events, in a store and in the counters.

    Events are accepted as the intake accepts them, and reach the store when somebody waits.

    Args:
        config: Bounds of the counters.

    Example:
        >>> shop = CountedShop()
        >>> shop.click("i1", "d1", user="u~1")
        >>> shop.popularity(["d1", "d2"]).count.tolist()
        [1.0, 0.0]
        >>> shop.close()
    """

    def __init__(self, config: CountersConfig | None = None) -> None:
        self.store = DuckDBStore()
        self.now: datetime = NOON
        self.pending: list[tuple[int, list[SearchRow], list[InteractionRow]]] = []
        """What is acknowledged and not in the store, by sequence."""
        self._config = config
        self._sequence = 0
        self._lock = threading.Lock()
        self.counters = self._open_counters()

    def restart(self) -> None:
        """Start the counters anew; everything acknowledged is in the store by then."""
        self.counters.close()
        self.deliver()
        self.counters = self._open_counters()

    def deliver(self, timeout_s: float = 0.0) -> bool:
        """Bring to the store what is pending."""
        with self._lock:
            for sequence, searches, interactions in self.pending:
                self.store.append_lines(
                    to_lines(searches), to_lines(interactions), sequence=sequence
                )
            self.pending.clear()
        return timeout_s >= 0.0

    def accept(
        self, searches: Sequence[SearchRow] = (), interactions: Sequence[InteractionRow] = ()
    ) -> None:
        """Take events in, durably as it were."""
        with self._lock:
            self._sequence += 1
            self.pending.append((self._sequence, list(searches), list(interactions)))
        self.counters.accept(self._sequence, to_lines(searches), to_lines(interactions))

    def click(
        self,
        name: str,
        document_id: str = "d1",
        user: str | None = "u~1",
        types: Sequence[str] = ("click",),
        **fields: object,
    ) -> None:
        """Accept one interaction, of an hour ago unless said otherwise."""
        given: dict[str, Any] = {
            "at": self.at(hours=-1),
            "retriever_id": "products",
            "user": user,
            **fields,
        }
        self.accept(interactions=[build_interaction(name, document_id, types, **given)])

    def search(
        self,
        name: str,
        documents: Sequence[str] = ("d1", "d2", "d3"),
        user: str | None = "u~1",
        **fields: object,
    ) -> None:
        """Accept one list that was shown, an hour ago unless said otherwise."""
        given: dict[str, Any] = {"at": self.at(hours=-1), "user": user, **fields}
        self.accept(searches=[build_search(name, documents, **given)])

    def at(self, **delta: float) -> int:
        """Return a moment so long after noon, microseconds UTC."""
        return round((NOON + timedelta(**delta)).timestamp() * 1e6)

    def popularity(
        self,
        document_ids: Sequence[str],
        *,
        types: Sequence[str] = ("click",),
        days: float = 7.0,
        half_life_days: float | None = None,
        query_key: str | None = None,
    ) -> Popularity:
        """Say how popular documents are now, once all that was accepted is counted."""
        self.counters.settle()
        window = PopularityWindow("products", to_mask(types), days, query_key)
        return self.counters.popularity(window, document_ids, self.now, half_life_days)

    def close(self) -> None:
        """Let go of both."""
        self.counters.close()
        self.store.close()

    def _open_counters(self) -> LiveCounters:
        """Open counters that have read nothing yet."""
        return LiveCounters(self.store, self.deliver, self._config, clock=lambda: self.now)
