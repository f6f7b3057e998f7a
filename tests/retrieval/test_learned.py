"""Pipelines with real counters: what people did counts at once, within what the rules allow."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.indexing.base import Document
from rankloop.retrieval.parts import Parts
from rankloop.retrieval.pipeline import Pipeline
from rankloop.retrieval.specification import read_pipeline
from rankloop.stages.base import Candidates
from rankloop.testing.counted_shop import CountedShop
from rankloop.testing.memory_index import MemoryIndex
from rankloop.testing.stage_contract import NOON, build_query

NAMES = [f"d{number}" for number in range(8)]
FIND = {"type": "text_search", "top_k": 8}
BOOST = {
    "type": "rerank",
    "boost_by_interaction_count": {
        "interaction_types": ["click", "purchase"],
        "time_window_days": 7,
        "boost_multiplier": 1.2,
    },
}
EXCLUDE = {"type": "exclude_interacted", "interaction_types": ["purchase"], "days": 90}
BOUGHT = {"u~1": {"d0", "d3"}, "u~2": {"d7"}, "u~3": set()}


def build_index():
    index = MemoryIndex(dimension=2)
    rng = np.random.default_rng(3)
    index.upsert(
        [
            Document(
                name,
                "shoes " * (place + 1) + "word " * 20,
                rng.normal(size=2).astype(np.float32),
                {"price": place},
            )
            for place, name in enumerate(NAMES)
        ]
    )
    return index


@pytest.fixture
def shop():
    shop = CountedShop()
    yield shop
    shop.close()


@pytest.fixture
def build(shop):
    """Return a builder of pipelines over the shop's counters."""
    parts = Parts(build_index(), counters=shop.counters)
    shop.counters.start()
    shop.counters.refresh(30.0)
    yield lambda *stages: Pipeline(read_pipeline({"stages": list(stages)}), parts)
    parts.workers.shutdown()


def names(pipeline, query, **page):
    outcome = pipeline.run(query, **{"limit": 10, **page})
    assert outcome.skipped_stages == ()
    return [result.document_id for result in outcome.results]


def test_what_was_bought_a_moment_ago_is_not_in_the_next_answer(shop, build):
    pipeline = build(FIND, EXCLUDE)
    mine, other = build_query(text="shoes"), build_query(text="shoes", user_key="u~2")
    before = names(pipeline, mine)
    shop.click("i1", before[0], types=("purchase",))
    shop.counters.settle()
    assert names(pipeline, mine) == before[1:]
    assert names(pipeline, other) == before


def test_what_was_taken_out_leaves_no_gap_on_the_page(shop, build):
    pipeline = build({"type": "text_search", "top_k": 3}, EXCLUDE)
    query = build_query(text="shoes")
    for number, name in enumerate(names(pipeline, query)):
        shop.click(f"i{number}", name, types=("purchase",))
    shop.counters.settle()
    assert len(names(pipeline, query)) == 3


def test_a_burst_of_clicks_lifts_a_document_until_the_window_has_passed(shop, build):
    pipeline = build(FIND, BOOST)
    query = build_query(text="shoes", user_key=None)
    before = names(pipeline, query)
    for number in range(60):
        shop.click(f"i{number}", before[2], user=f"u~{number}")
    shop.click("other", before[0], user="u~9")
    shop.counters.settle()
    lifted = pipeline.run(query, limit=10, explain=True).results
    assert [result.document_id for result in lifted].index(before[2]) < 2
    [_, step] = next(result.explain for result in lifted if result.document_id == before[2])
    assert step.notes["count"] > 40
    assert step.score_after / step.score_before == pytest.approx(step.notes["boost"], rel=1e-3)
    later = replace(query, now=NOON + timedelta(days=8))
    assert names(pipeline, later) == before


@pytest.fixture(scope="module")
def busy():
    """Return parts over a shop in which three people clicked and bought."""
    shop = CountedShop()
    number = 0
    for user, bought in BOUGHT.items():
        for place, name in enumerate(NAMES):
            for _ in range(place % 3):
                number += 1
                shop.click(f"c{number}", name, user=user)
            if name in bought:
                number += 1
                shop.click(f"p{number}", name, user=user, types=("purchase",))
    parts = Parts(build_index(), counters=shop.counters)
    shop.counters.start()
    shop.counters.refresh(30.0)
    yield parts
    parts.workers.shutdown()
    shop.close()


finders = st.one_of(
    st.builds(lambda k: {"type": "text_search", "top_k": k}, st.integers(1, 9)),
    st.builds(lambda k: {"type": "hybrid_search", "top_k": k}, st.integers(1, 9)),
)
boosts = st.builds(
    lambda mode, multiplier: {
        "type": "rerank",
        "boost_by_interaction_count": {
            "interaction_types": ["click"],
            "time_window_days": 30,
            "boost_multiplier": multiplier,
            "mode": mode,
        },
    },
    st.sampled_from(["raw", "decayed"]),
    st.floats(1.0, 3.0),
)
tastes = st.builds(
    lambda repeat, profile: {
        "type": "personalize",
        "repeat_weight": repeat,
        "profile_weight": profile,
    },
    st.floats(0, 3),
    st.floats(0, 3),
)
pins = st.builds(
    lambda wanted: {"type": "pin", "document_ids": wanted},
    st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=3),
)


@st.composite
def pipelines(draw):
    """Draw stages in any order in which something is found before it is ordered."""
    others = draw(st.lists(st.one_of(boosts, tastes, finders), max_size=3))
    rules = draw(st.lists(st.one_of(pins, st.just(EXCLUDE)), max_size=2))
    stages = [draw(finders), *others]
    for rule in rules:
        stages.insert(draw(st.integers(0, len(stages))), rule)
    return stages


queries = st.builds(
    lambda user, is_meant: build_query(
        text="shoes",
        user_key=user,
        session_id=None,
        vector=np.array([1.0, 0.5], np.float32) if is_meant else None,
    ),
    st.sampled_from([*BOUGHT, None]),
    st.booleans(),
)


def run(stages, parts, query, **page):
    pipeline = Pipeline(read_pipeline({"stages": stages}), parts)
    return [result.document_id for result in pipeline.run(query, **page).results]


def bought_by(query, stages):
    return BOUGHT.get(query.user_key, set()) if EXCLUDE in stages else set()


@given(pipelines(), queries, st.integers(1, 4))
def test_what_a_person_bought_is_on_no_page(busy, stages, query, limit):
    whole = run(stages, busy, query, limit=100)
    pages = [
        name
        for offset in range(0, len(NAMES), limit)
        for name in run(stages, busy, query, limit=limit, offset=offset)
    ]
    assert pages == whole
    assert not bought_by(query, stages) & set(whole)


@given(pipelines(), queries)
def test_pins_stand_above_what_was_learned(busy, stages, query):
    wanted = [name for stage in stages if stage["type"] == "pin" for name in stage["document_ids"]]
    allowed = [name for name in dict.fromkeys(wanted) if name not in bought_by(query, stages)]
    assert run(stages, busy, query, limit=100)[: len(allowed)] == allowed


@given(pipelines(), queries, boosts)
def test_a_boost_of_weight_0_changes_nothing(busy, stages, query, boost):
    counts = {**boost["boost_by_interaction_count"], "weight": 0}
    idle = {**boost, "boost_by_interaction_count": counts}
    assert run([*stages, idle], busy, query, limit=100) == run(stages, busy, query, limit=100)


@given(pipelines(), queries)
def test_reordering_hands_the_same_set_back_but_for_what_was_bought(busy, stages, query):
    mine = Candidates(("d3", "x", "d1"), np.array([3.0, 2.0, 1.0]))
    pipeline = Pipeline(read_pipeline({"stages": stages}), busy)
    results = pipeline.rerank(query, mine, limit=100).results
    kept = {result.document_id for result in results}
    assert kept == {"d3", "x", "d1"} - bought_by(query, stages)
