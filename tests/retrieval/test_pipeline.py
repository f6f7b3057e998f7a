"""A pipeline finds, orders, pages and says what it left out."""

import numpy as np
import pytest

from rankloop.errors import FaultsError
from rankloop.indexing.filter_reading import read_filter
from rankloop.retrieval.parts import StageKind
from rankloop.retrieval.pipeline import Pipeline
from rankloop.retrieval.placing import StageSpec
from rankloop.retrieval.specification import PipelineSpec
from rankloop.stages.text_search import TextSearchConfig
from rankloop.testing.stage_contract import build_query

TEXT = {"type": "text_search", "top_k": 100}


def names(outcome):
    return [result.document_id for result in outcome.results]


def test_without_stages_the_best_by_words_come_first(build):
    outcome = build().run(build_query(text="running shoes"), limit=10)
    assert names(outcome) == ["a", "b", "c", "d"]
    assert outcome.total == 4
    assert outcome.results[0].payload == {"brand": "apex", "price": 50}


def test_pages_are_parts_of_one_ranking(build):
    pipeline = build(TEXT)
    query = build_query(text="running shoes")
    first = pipeline.run(query, limit=2)
    second = pipeline.run(query, limit=2, offset=2)
    assert names(first) + names(second) == names(pipeline.run(query, limit=10))
    assert [result.position for result in second.results] == [2, 3]
    assert (first.total, second.total) == (4, 4)


def test_a_page_behind_the_end_is_empty(build):
    outcome = build(TEXT).run(build_query(text="running shoes"), limit=2, offset=50)
    assert (outcome.results, outcome.total) == ((), 4)


def test_no_more_than_top_k_documents_are_ranked(build):
    outcome = build({"type": "text_search", "top_k": 2}).run(
        build_query(text="running shoes"), limit=10
    )
    assert (names(outcome), outcome.total) == (["a", "b"], 2)


def test_a_vector_finds_by_meaning(build):
    query = build_query(text="", vector=np.array([0.0, 1.0], np.float32))
    outcome = build({"type": "vector_search", "top_k": 3}).run(query, limit=10)
    assert names(outcome) == ["d", "c", "b"]
    assert outcome.skipped_stages == ()


def test_without_a_vector_words_find_and_the_stage_is_named(build):
    outcome = build({"type": "vector_search"}).run(build_query(text="umbrella"), limit=10)
    assert names(outcome) == ["e"]
    assert [(one.stage, one.index, one.reason) for one in outcome.skipped_stages] == [
        ("vector_search", 0, "no_vector")
    ]


def test_a_vector_of_another_length_is_refused_with_its_place(build):
    query = build_query(vector=np.ones(3, np.float32))
    with pytest.raises(FaultsError) as caught:
        build({"type": "vector_search"}).run(query, limit=10)
    assert (caught.value.where, caught.value.faults[0].code) == ("/vector", "wrong_dimension")


@pytest.mark.parametrize(
    ("page", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 10_000_000}, "/limit"),
        ({"limit": 10, "offset": -1}, "/offset"),
    ],
)
def test_a_page_out_of_range_is_refused_with_its_place(build, page, pointer):
    with pytest.raises(FaultsError) as caught:
        build(TEXT).run(build_query(), **page)
    assert caught.value.where == pointer


def test_a_query_of_a_megabyte_is_refused(build):
    with pytest.raises(FaultsError, match=r"at most 4,096 characters"):
        build(TEXT).run(build_query(text="x" * 1_000_000), limit=10)


def test_a_filter_of_the_request_and_one_of_the_pipeline_hold_both(build):
    pipeline = build(TEXT, {"type": "filter", "filters": {"price": {"$lt": 100}}})
    query = build_query(text="running shoes", filters=read_filter({"brand": {"$ne": "bolt"}}))
    assert names(pipeline.run(query, limit=10)) == ["a", "c"]


def test_a_filter_fills_the_page_from_behind_the_best(build):
    pipeline = build(
        {"type": "text_search", "top_k": 1},
        {"type": "filter", "filters": {"document_id": {"$nin": ["a"]}}},
    )
    assert names(pipeline.run(build_query(text="running shoes"), limit=10)) == ["b"]


def test_the_retrievers_own_weights_of_signals_count_before_the_defaults(parts):
    seen = {}

    def build_stage(config, given):
        seen.update(given.signal_weights)
        return lambda query, candidates: candidates

    kind = StageKind(TextSearchConfig, build_stage)
    stage = StageSpec("own", kind, TextSearchConfig(), 0)
    Pipeline(PipelineSpec((stage,), signal_weights={"click": 4.0}), parts)
    assert (seen["click"], seen["purchase"]) == (4.0, 10.0)
