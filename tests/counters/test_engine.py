"""Counters of a whole engine: what was posted is known within a second, and forgotten for good."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from rankloop.capture.checks import Checked
from rankloop.capture.written import write_interactions
from rankloop.counters.base import Person, PopularityWindow
from rankloop.events.types import to_mask
from rankloop.settings import load_settings
from rankloop.testing.builders import build_interaction
from rankloop.wiring import open_engine

PURCHASES = to_mask(["purchase"])


def now_us():
    return time.time_ns() // 1_000


def post(engine, *rows):
    checked = Checked(list(rows), list(range(len(rows))), [True] * len(rows), [])
    asyncio.run(engine.intake.take_interactions(write_interactions(checked)))


def buy(name, document="d1", user="ann", **fields):
    fields.setdefault("at", now_us())
    return build_interaction(
        name, document, ["purchase"], user=user, retriever_id="products", **fields
    )


def bought(engine):
    engine.counters.settle()
    who = Person("ann", is_session=False, retriever_id="products")
    return engine.counters.interacted(who, PURCHASES, 90.0, datetime.now(UTC))


def count(engine, *documents):
    engine.counters.settle()
    window = PopularityWindow("products", PURCHASES, 7.0)
    found = engine.counters.popularity(window, documents, datetime.now(UTC))
    return found.count.tolist()


@pytest.fixture
def open_folder(data_folder):
    """Open the same folder again and again, one engine at a time."""
    opened = []

    def reopen():
        if opened:
            opened.pop().close()
        opened.append(
            open_engine(
                data_folder,
                load_settings(environment={}, overrides={"privacy.pseudonymize_users": False}),
            )
        )
        return opened[0]

    yield reopen
    opened.pop().close()


@pytest.fixture
def engine(open_folder):
    return open_folder()


def test_a_purchase_is_known_within_a_second_of_its_acknowledgement(engine):
    assert bought(engine) == frozenset()
    post(engine, buy("i1"))
    acknowledged_at = time.monotonic()
    assert bought(engine) == {"d1"}
    assert time.monotonic() - acknowledged_at < 1.0


def test_a_duplicate_counts_once(engine):
    post(engine, buy("i1"))
    assert count(engine, "d1") == [1.0]
    post(engine, buy("i1"), buy("i2", "d2"))
    assert count(engine, "d1", "d2") == [1.0, 1.0]


def test_a_restart_knows_the_same(engine, open_folder):
    post(engine, *(buy(f"i{n}", f"d{n % 3}", f"u~{n % 5}") for n in range(20)))
    before = bought(engine), count(engine, "d0", "d1", "d2")

    again = open_folder()
    assert (bought(again), count(again, "d0", "d1", "d2")) == before


def test_an_erased_user_is_as_if_never_seen(engine):
    post(engine, buy("i1"), buy("i2", user="bob"))
    assert count(engine, "d1") == [2.0]
    engine.erasure.erase(["ann"])
    assert bought(engine) == frozenset()
    assert count(engine, "d1") == [1.0]


def test_a_deleted_interaction_counts_no_more(engine):
    post(engine, buy("i1"), buy("i2", "d2"))
    assert count(engine, "d1", "d2") == [1.0, 1.0]
    assert engine.erasure.delete_interaction("i1")
    assert bought(engine) == {"d2"}
    assert count(engine, "d1", "d2") == [0.0, 1.0]


def test_what_was_taken_before_the_counters_listen_counts_once(engine):
    post(engine, buy("before"))
    engine.counters.start()
    post(engine, *(buy(f"i{n}", user=f"u~{n}") for n in range(2, 50)))
    assert count(engine, "d1") == [49.0]
