"""What holds for every log, however it arrives."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankloop.attribution.base import AttributionConfig

CONFIG = AttributionConfig(
    window_s=7_200,
    session_gap_s=600,
    robot_searches_per_hour=3,
    robot_interactions_per_hour=3,
    repeat_window_s=1_200,
    reformulation_s=300,
)

FEW = settings().max_examples // 4

# Seconds after noon; the last lie around midnight.
MOMENTS = st.sampled_from([0, 1, 60, 300, 301, 900, 1_201, 7_201, 43_000, 43_199, 43_200, 43_500])
PEOPLE = st.fixed_dictionaries(
    {
        "user": st.sampled_from([None, "u", "v"]),
        "session_id": st.sampled_from([None, "x", "x", "y"]),
        "retriever_id": st.sampled_from(["products", "products", "default"]),
    }
)


@dataclass
class World:
    """Rows, and an order in which they arrive."""

    searches: list
    interactions: list
    batches: list

    @property
    def rows(self):
        return self.searches + self.interactions


@pytest.fixture(scope="session")
def make_world(search, interaction):
    """Return what builds a world from drawn values."""

    def build(lists, acts, seed):
        searches = {
            (identity, offset): search(
                identity, at, documents, page_offset=offset, query_key=query, actor=actor, **who
            )
            for (identity, offset, at, documents, query, actor, who) in lists
        }
        interactions = [
            interaction(f"i{place}", at, document, [kind], search_id=named, value_micros=5, **who)
            for place, (at, document, kind, named, who) in enumerate(acts)
        ]
        rows = [*searches.values(), *interactions]
        shuffle = random.Random(seed)
        shuffle.shuffle(rows)
        n_batches = shuffle.randint(1, 4)
        batches = [rows[place::n_batches] for place in range(n_batches)]
        return World(list(searches.values()), interactions, batches)

    return build


LISTS = st.lists(
    st.tuples(
        st.sampled_from(["s1", "s2", "s3", "s4", "s5", "s6"]),
        st.sampled_from([0, 0, 2]),
        MOMENTS,
        st.sampled_from([None, "", "a", "ab", "ab", "ba", "bab", "cd"]),
        st.sampled_from(["shoes", "shoes", "boots"]),
        st.sampled_from(["human", "human", "human", "agent"]),
        PEOPLE,
    ),
    max_size=8,
)
ACTS = st.lists(
    st.tuples(
        MOMENTS,
        st.sampled_from(["a", "a", "b", "c", None]),
        st.sampled_from(["click", "click", "purchase", "view", "hover"]),
        st.sampled_from([None, None, "s1", "s2", "s9"]),
        PEOPLE,
    ),
    max_size=8,
)
SEEDS = st.integers(0, 1_000_000)


def check_agrees(log, wanted):
    """Compare the derived tables with attribution done slowly."""
    credits = {
        name: (s.search_id if s else None, place, rule)
        for name, (s, place, rule) in wanted.credits().items()
    }
    assert log.credits() == credits
    for found, hoped in ((log.lists(), wanted.lists()), (log.places(), wanted.places())):
        assert found.keys() == hoped.keys()
        for key, values in hoped.items():
            assert {name: found[key][name] for name in values} == values, key


@given(LISTS, ACTS, SEEDS)
def test_agrees_with_attribution_done_one_event_at_a_time(
    make_world, open_log, expected, lists, acts, seed
):
    world = make_world(lists, acts, seed)
    log = open_log(CONFIG)
    for batch in world.batches:
        log.append(*batch).refresh()
    check_agrees(log, expected(world.searches, world.interactions, CONFIG))
    log.store.close()


@given(LISTS, ACTS, SEEDS, SEEDS)
@settings(max_examples=FEW)
def test_the_order_of_arrival_plays_no_part(make_world, open_log, lists, acts, seed, other_seed):
    tables = []
    for arrival in (seed, other_seed):
        log = open_log(CONFIG)
        for batch in make_world(lists, acts, arrival).batches:
            log.append(*batch).refresh()
        tables.append(log.tables())
        log.store.close()
    assert tables[0] == tables[1]


@given(LISTS, ACTS, SEEDS)
@settings(max_examples=FEW)
def test_a_second_refresh_changes_nothing(make_world, open_log, lists, acts, seed):
    log = open_log(CONFIG).append(*make_world(lists, acts, seed).rows).refresh()
    tables = log.tables()
    assert not log.derivation.refresh().is_changed
    assert log.tables() == tables
    log.store.close()


@given(LISTS, ACTS, SEEDS)
@settings(max_examples=FEW)
def test_credit_goes_to_one_list_at_most_and_to_a_later_one_only_by_name(
    make_world, open_log, lists, acts, seed
):
    log = open_log(CONFIG).append(*make_world(lists, acts, seed).rows).refresh()
    rows = log.read(
        "SELECT c.interaction_key, c.rule, s.at <= i.at AS is_after FROM credits c"
        " JOIN interactions i ON i.interaction_key = c.interaction_key"
        " JOIN searches s ON s.search_key = c.search_key WHERE c.rule > 0"
    )
    credited = sum(row["n_interactions"] for row in log.lists().values())
    n_named = log.read("SELECT count(*) AS n FROM interactions WHERE document_id IS NULL")[0]["n"]
    log.store.close()
    assert len({row["interaction_key"] for row in rows}) == len(rows)
    assert all(row["is_after"] for row in rows if row["rule"] > 1)
    assert len(rows) <= credited <= len(rows) + n_named


@given(LISTS, ACTS, SEEDS)
@settings(max_examples=FEW)
def test_an_erased_user_was_never_seen(make_world, open_log, lists, acts, seed):
    world = make_world(lists, acts, seed)
    log = open_log(CONFIG)
    for batch in world.batches:
        log.append(*batch).refresh()
    log.store.erase_user("u")
    log.refresh()
    erased = {s.search_id for s in world.searches if s.user == "u"}
    left = [
        row
        for row in world.rows
        if row.user != "u" and not (row in world.interactions and is_left_to(row, erased))
    ]
    fresh = open_log(CONFIG).append(*left).refresh()
    tables = log.tables(), fresh.tables()
    log.store.close()
    fresh.store.close()
    assert tables[0] == tables[1]


def is_left_to(act, search_ids):
    """Say whether an interaction is a user's only by the search it names."""
    return act.user is None and act.search_id in search_ids
