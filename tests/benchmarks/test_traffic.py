"""Made-up traffic is as large as it was asked to be, and the plain peer can read it."""

from rankloop.benchmarks.peer_sql import ask_plainly
from rankloop.benchmarks.traffic import TrafficSpec, write_known, write_traffic
from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore


def test_traffic_has_ten_impressions_a_search_and_about_an_interaction():
    store = DuckDBStore(StoreConfig())
    spec = TrafficSpec(n_searches=3_000, n_queries=50, n_documents=200, n_users=100, batch=1_000)
    n_interactions = write_traffic(store, spec, lambda _: None)
    (counts,) = store.ask("store_counts").to_pylist()

    assert counts["searches"] == 3_000
    assert counts["impressions"] == 30_000
    assert counts["interactions"] == n_interactions
    assert 0.7 < n_interactions / 3_000 < 1.4
    assert ask_plainly(store) > 0
    store.close()


def test_known_interactions_are_recognized_by_their_ids():
    store = DuckDBStore(StoreConfig())
    write_known(store, 1_000, lambda _: None)

    known = store.known_identifiers("interaction", ["known-0", "known-999", "known-1000"])
    assert known == {"known-0", "known-999"}
    store.close()
