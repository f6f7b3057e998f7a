"""Features know what was on record when a day began, and nothing of the day itself."""

from datetime import date

import numpy as np
import pytest

from rankloop.attribution.derivation import Derivation
from rankloop.counters.day_histories import DayHistories
from rankloop.counters.day_history import DayHistory, WantedHistory
from rankloop.errors import UnavailableError
from rankloop.store.duckdb import DuckDBStore
from rankloop.testing.builders import NOON_US, build_interaction, build_search, to_lines

DAY_US = 86_400_000_000
HALVES = (1.0, 0.5)
"""The second position is looked at half as often, and so are those behind it."""


@pytest.fixture
def store():
    store = DuckDBStore()
    yield store
    store.close()


@pytest.fixture
def log(store):
    """Return a way to put lists and clicks on record, days after the first of January."""

    def log(search_id, documents=("a", "b", "c"), *, clicked=(), days=0.0, delay_days=0.0, **more):
        at = NOON_US + round(days * DAY_US)
        searches = [build_search(search_id, documents, at=at, **more)]
        clicks = [
            build_interaction(
                f"{search_id}-{name}",
                name,
                at=at + 1_000_000 + round(delay_days * DAY_US),
                search_id=search_id,
                retriever_id="products",
            )
            for name in clicked
        ]
        store.append_lines(to_lines(searches), to_lines(clicks))
        Derivation(store).refresh()
        return searches[0].query_key

    return log


def read(store, day, days=90):
    wanted = WantedHistory("products", date(2026, 1, day), days, HALVES)
    return DayHistory.read(store, wanted)


def test_clicks_and_looks_are_counted_by_document_and_by_pair(store, log):
    key = log("s1", clicked=["a"])
    log("s2", ["b", "a"], clicked=["b"], query="kettle")
    found = read(store, 2).find(key, ["a", "b", "c", "unknown"])
    assert found.document_clicks.tolist() == [1, 1, 0, 0]
    assert found.document_looks.tolist() == [1.5, 1.5, 0.5, 0]
    assert found.pair_clicks.tolist() == [1, 0, 0, 0]
    assert found.pair_looks.tolist() == [1, 0.5, 0.5, 0]
    assert found.mean_rate == pytest.approx(2 / 3.5)


def test_nothing_of_the_day_itself_is_known(store, log):
    key = log("s1", clicked=["a"])
    found = read(store, 1).find(key, ["a"])
    assert (found.document_looks[0], found.pair_clicks[0]) == (0, 0)
    assert np.isnan(found.mean_rate)


def test_a_click_made_after_the_day_began_on_a_list_from_before_is_not_known_yet(store, log):
    key = log("s1", clicked=["a"], delay_days=0.6)
    assert read(store, 2).find(key, ["a"]).pair_clicks.tolist() == [0]
    assert read(store, 2).find(key, ["a"]).pair_looks.tolist() == [1]
    assert read(store, 3).find(key, ["a"]).pair_clicks.tolist() == [1]


def test_what_is_older_than_the_window_is_forgotten(store, log):
    key = log("s1", clicked=["a"])
    log("s2", ["c"], days=3)
    found = read(store, 5, days=2).find(key, ["a", "c"])
    assert found.document_looks.tolist() == [0, 1]


def test_other_retrievers_and_programs_count_nothing(store, log):
    key = log("s1", clicked=["a"], retriever_id="articles")
    log("s2", clicked=["a"], actor="agent")
    assert read(store, 2).find(key, ["a"]).document_looks.tolist() == [0]


def wanted_on(day):
    return WantedHistory("products", date(2026, 1, day), 90, HALVES)


@pytest.fixture
def histories(store):
    histories = DayHistories(store, Derivation(store).refresh, wait_s=30.0)
    yield histories
    histories.close()


def test_a_history_is_read_once_and_stays_until_it_is_refreshed(log, histories):
    key = log("s1", clicked=["a"])
    first = histories.find(wanted_on(2))
    assert first.find(key, ["a"]).pair_clicks.tolist() == [1]
    log("late", clicked=["a"])
    assert histories.find(wanted_on(2)) is first
    histories.refresh()
    assert histories.find(wanted_on(2)).find(key, ["a"]).pair_clicks.tolist() == [2]


def test_the_day_before_stays_in_use_until_the_new_one_is_read(log, histories):
    log("s1")
    before = histories.find(wanted_on(2))
    found = {id(histories.find(wanted_on(3)))}
    while id(before) in found:
        found = {id(histories.find(wanted_on(3)))}
    assert histories.find(wanted_on(3)) is not before


def test_where_nothing_can_be_read_nothing_is_known_and_nobody_waits_twice(store):
    asked = []

    def fail():
        asked.append(1)
        raise UnavailableError("not now")

    histories = DayHistories(store, fail, wait_s=30.0)
    assert histories.find(wanted_on(2)) is None
    assert histories.find(wanted_on(2)) is None
    assert len(asked) == 1
    histories.close()
    assert histories.find(wanted_on(2)) is None
