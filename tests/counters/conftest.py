"""Counters over a store, fed as the intake feeds them."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from rankloop.counters.base import CountersConfig, PopularityWindow
from rankloop.counters.live import LiveCounters
from rankloop.events.types import to_mask
from rankloop.store.duckdb import DuckDBStore
from rankloop.testing.builders import build_interaction, build_search, to_lines

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CLICKS = to_mask(["click"])


class Shop:
    """A store, its counters, and a way to accept events that both hear of."""

    def __init__(self, **config):
        self.store = DuckDBStore()
        self.now = NOON
        self.sequence = 0
        self.pending = []
        self.lock = threading.Lock()
        self.config = CountersConfig(**config)
        self.counters = self.open_counters()

    def open_counters(self):
        return LiveCounters(self.store, self.deliver, self.config, clock=lambda: self.now)

    def reopen(self):
        """Start anew, as after a restart: everything accepted is in the store by then."""
        self.counters.close()
        self.deliver()
        self.counters = self.open_counters()

    def deliver(self, timeout_s=0.0):
        with self.lock:
            for sequence, searches, interactions in self.pending:
                self.store.append_lines(
                    to_lines(searches), to_lines(interactions), sequence=sequence
                )
            self.pending.clear()
        return True

    def accept(self, *rows):
        searches = [row for row in rows if hasattr(row, "actor")]
        interactions = [row for row in rows if not hasattr(row, "actor")]
        with self.lock:
            self.sequence += 1
            self.pending.append((self.sequence, searches, interactions))
        self.counters.accept(self.sequence, searches, interactions)

    @staticmethod
    def at(**delta):
        """Return a moment as microseconds, so long before or after noon."""
        return round((NOON + timedelta(**delta)).timestamp() * 1e6)

    def click(self, name, document="d1", user="u~1", types=("click",), **fields):
        fields.setdefault("at", self.at(hours=-1))
        fields.setdefault("retriever_id", "products")
        self.accept(build_interaction(name, document, types, user=user, **fields))

    def search(self, name, documents=("d1", "d2", "d3"), user="u~1", **fields):
        fields.setdefault("at", self.at(hours=-1))
        self.accept(build_search(name, documents, user=user, **fields))

    def popularity(self, *documents, days=7.0, mask=CLICKS, now=None, half_life=None, query=None):
        self.counters.settle()
        window = PopularityWindow("products", mask, days, query)
        return self.counters.popularity(window, documents, now or self.now, half_life)

    def count(self, *documents, **asked):
        return self.popularity(*documents, **asked).count.tolist()

    def documents(self, user="u~1", session=None, **asked):
        self.counters.settle()
        events = self.counters.history(
            user_key=user, session_id=session, retriever_id="products", now=self.now, **asked
        )
        return [event.document_id for event in events]


@pytest.fixture
def open_shop():
    shops = []

    def build(**config):
        shops.append(Shop(**config))
        return shops[-1]

    yield build
    for shop in shops:
        shop.counters.close()
        shop.store.close()


@pytest.fixture
def shop(open_shop):
    return open_shop()
