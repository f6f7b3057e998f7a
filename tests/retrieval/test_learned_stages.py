"""The pipeline of the mission, with counters: bought is gone, popular rises, rules win."""

from dataclasses import replace

import pytest

from rankloop.counters.base import CountersConfig
from rankloop.counters.live import LiveCounters
from rankloop.errors import PipelineError
from rankloop.retrieval.pipeline import Pipeline
from rankloop.retrieval.specification import read_pipeline
from rankloop.store.duckdb import DuckDBStore
from rankloop.testing.counted_shop import CountedShop
from rankloop.testing.stage_contract import build_query

BOOST = {
    "interaction_types": ["click", "purchase"],
    "time_window_days": 7,
    "boost_multiplier": 1.2,
}
STAGES = [
    {"type": "vector_search", "top_k": 100},
    {"type": "rerank", "boost_by_interaction_count": BOOST},
    {"type": "exclude_interacted", "interaction_types": ["purchase"], "days": 90},
]
QUERY = build_query(text="running shoes")


@pytest.fixture
def shop():
    shop = CountedShop()
    yield shop
    shop.close()


@pytest.fixture
def run(parts, shop):
    """Return a way to run stages, page by page."""

    def run(stages=STAGES, query=QUERY, **asked):
        pipeline = Pipeline(
            read_pipeline({"stages": stages}), replace(parts, counters=shop.counters)
        )
        shop.counters.settle()
        return pipeline.run(query, **{"limit": 10, **asked})

    return run


def names(outcome):
    return [result.document_id for result in outcome.results]


def test_what_was_just_bought_is_on_no_page(run, shop):
    before = names(run())
    assert {"a", "b"} <= set(before)
    shop.click("i1", "b", types=["purchase"])
    pages = [name for offset in range(4) for name in names(run(limit=1, offset=offset))]
    assert pages == [name for name in before if name != "b"]


def test_a_burst_of_clicks_lifts_a_document_and_says_why(run, shop):
    before = names(run())
    last = before[-1]
    for number in range(30):
        shop.click(f"c{number}", last, f"u~c{number}")
    stages = [
        STAGES[0],
        {"type": "rerank", "boost_by_interaction_count": {**BOOST, "boost_multiplier": 100}},
    ]
    found = run(stages, explain=True)
    assert names(found)[0] == last
    step = next(step for step in found.results[0].explain if step.stage == "rerank")
    assert step.position_after == 0
    assert step.notes["count"] == pytest.approx(30, rel=0.02)
    assert step.notes["boost"] == pytest.approx(step.score_after / step.score_before, rel=1e-3)


def test_a_pin_wins_over_a_boost(run, shop):
    for number in range(30):
        shop.click(f"c{number}", "a", f"u~c{number}")
    found = run([*STAGES, {"type": "pin", "document_ids": ["e"]}])
    assert names(found)[0] == "e"


def test_a_document_that_is_both_pinned_and_bought_is_not_shown(run, shop):
    shop.click("i1", "e", types=["purchase"])
    assert "e" not in names(run([*STAGES, {"type": "pin", "document_ids": ["e"]}]))


def test_what_was_opened_before_for_the_same_query_rises(run, shop):
    last = names(run())[-1]
    shop.click("i1", last, query_key=QUERY.query_key)
    found = run([STAGES[0], {"type": "personalize", "repeat_weight": 10}])
    assert names(found)[0] == last


def test_the_same_question_has_the_same_answer(run, shop):
    for number in range(30):
        shop.click(f"c{number}", "c", f"u~c{number}")
    assert run().results == run().results


def test_without_counters_in_time_the_answer_comes_without_what_they_know(parts):
    store = DuckDBStore()
    away = LiveCounters(store, lambda timeout_s: False, CountersConfig(wait_s=0.05))
    found = Pipeline(read_pipeline({"stages": STAGES}), replace(parts, counters=away)).run(
        QUERY, limit=10
    )
    assert names(found)
    skipped = {(one.stage, one.reason) for one in found.skipped_stages}
    assert {("rerank", "unavailable"), ("exclude_interacted", "unavailable")} <= skipped
    away.close()
    store.close()


def test_without_counters_at_all_the_pipeline_is_refused_with_its_place(parts):
    with pytest.raises(PipelineError) as refused:
        Pipeline(read_pipeline({"stages": STAGES}), parts)
    assert refused.value.faults[0].pointer == "/stages/1/type"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"time_window_days": 0}, "time_window_days"),
        ({"time_window_days": 400}, "time_window_days"),
        ({"boost_multiplier": 0.5}, "boost_multiplier"),
        ({"mode": "loud"}, "mode"),
        ({"interaction_types": []}, "interaction_types"),
        ({"interaction_types": ["hovered"]}, "interaction_types/0"),
        ({"window": 7}, "window"),
    ],
)
def test_a_setting_out_of_range_is_named_with_its_place(change, pointer):
    stage = {"type": "rerank", "boost_by_interaction_count": {**BOOST, **change}}
    with pytest.raises(PipelineError) as refused:
        read_pipeline({"stages": [STAGES[0], stage]})
    assert refused.value.faults[0].pointer == f"/stages/1/boost_by_interaction_count/{pointer}"
