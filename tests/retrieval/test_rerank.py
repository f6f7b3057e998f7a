"""A caller's own candidates are re-ordered: nothing is added, only hard rules take away."""

import pytest

from rankloop.errors import FaultsError
from rankloop.indexing.filter_reading import read_filter
from rankloop.retrieval.candidates import read_candidates
from rankloop.testing.stage_contract import build_candidates, build_query


def names(outcome):
    return [result.document_id for result in outcome.results]


def test_stages_that_find_do_not_run(build):
    pipeline = build({"type": "hybrid_search"}, {"type": "diversify", "lambda": 0.5})
    outcome = pipeline.rerank(build_query(), build_candidates(4), limit=10)
    assert names(outcome) == ["d0", "d1", "d2", "d3"]
    assert outcome.skipped_stages == ()


def test_the_callers_fields_are_shown_and_else_those_of_the_index(build):
    candidates = read_candidates(["a", "x"], [2.0, 1.0], [None, {"brand": "mine"}])
    outcome = build().rerank(build_query(), candidates, limit=10)
    assert [result.payload for result in outcome.results] == [
        {"brand": "apex", "price": 50},
        {"brand": "mine"},
    ]


def test_a_pin_moves_a_candidate_and_brings_no_other(build):
    pipeline = build({"type": "pin", "document_ids": ["e", "b"]})
    candidates = read_candidates(["a", "b"], [2.0, 1.0], [None, None])
    assert names(pipeline.rerank(build_query(), candidates, limit=10)) == ["b", "a"]


def test_a_filter_takes_candidates_away(build):
    candidates = read_candidates(["a", "x", "b"], [None] * 3, [None, {"price": 5}, None])
    query = build_query(filters=read_filter({"price": {"$lte": 50}}))
    assert names(build().rerank(query, candidates, limit=10)) == ["a", "x"]


def test_no_candidates_in_no_results_out(build):
    outcome = build({"type": "pin", "document_ids": ["e"]}).rerank(
        build_query(), build_candidates(0), limit=10
    )
    assert (outcome.results, outcome.total) == ((), 0)


@pytest.mark.parametrize(
    ("document_ids", "scores", "pointer"),
    [
        (["a", "b", "a"], [None] * 3, "/candidates/2/document_id"),
        (["a", "b"], [1.0, None], "/candidates/1/score"),
        (["a", "b"], [1.0, float("nan")], "/candidates/1/score"),
        ([str(n) for n in range(10_001)], [None] * 10_001, "/candidates"),
    ],
    ids=["twice", "some scores", "not a number", "too many"],
)
def test_candidates_that_contradict_each_other_are_refused(document_ids, scores, pointer):
    with pytest.raises(FaultsError) as caught:
        read_candidates(document_ids, scores, [None] * len(document_ids))
    assert caught.value.where == pointer


def test_scores_order_candidates_and_ties_keep_the_callers_order():
    candidates = read_candidates(["a", "b", "c"], [1.0, 2.0, 1.0], [None] * 3)
    assert candidates.document_ids == ("b", "a", "c")
