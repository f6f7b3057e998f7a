"""Measures are what their definitions give by hand."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.errors import InputError, NotEnoughDataError
from rankloop.evaluation.measures import check_measures, evaluate
from rankloop.evaluation.rankings import Judgments, Ranking


def build_judgments(**by_query):
    rows = [(query, *row) for query, held in by_query.items() for row in held.items()]
    query, document, relevance = zip(*rows, strict=True)
    return Judgments(np.array(query), np.array(document), np.array(relevance))


def build_ranking(**by_query):
    rows = [
        (query, document, position)
        for query, documents in by_query.items()
        for position, document in enumerate(documents)
    ]
    query, document, position = zip(*rows, strict=True)
    return Ranking(np.array(query), np.array(document), np.array(position))


JUDGMENTS = build_judgments(q={"a": 3, "b": 0, "c": 2, "d": 1})


@pytest.mark.parametrize(
    ("measure", "order", "value"),
    [
        ("nDCG@3", "abc", (3 / log2(2) + 2 / log2(4)) / (3 / log2(2) + 2 / log2(3) + 1 / log2(4))),
        ("nDCG@1", "cab", 2 / 3),
        ("nDCG", "abcd", (3 + 2 / log2(4) + 1 / log2(5)) / (3 + 2 / log2(3) + 1 / log2(4))),
        ("nDCG(gains={1:1,2:3,3:7})@2", "ca", (3 + 7 / log2(3)) / (7 + 3 / log2(3))),
        ("RR", "bca", 1 / 2),
        ("MRR@10", "bca", 1 / 2),
        ("RR@1", "bca", 0.0),
        ("P@2", "ab", 1 / 2),
        ("P(rel=2)@2", "ad", 1 / 2),
        ("R@2", "ac", 2 / 3),
        ("AP", "abc", (1 / 1 + 2 / 3) / 3),
        ("Success@1", "ba", 0.0),
        ("Judged@2", "ax", 1 / 2),
    ],
)
def test_a_measure_is_what_one_works_out_by_hand(measure, order, value):
    found = evaluate(JUDGMENTS, build_ranking(q=list(order)), [measure])
    assert found.values[measure] == pytest.approx([value])


def test_every_judged_query_counts_and_no_other():
    judgments = build_judgments(q={"a": 1}, r={"a": 1})
    ranking = build_ranking(q=["a"], unjudged=["a"])
    found = evaluate(judgments, ranking, ["RR", "Judged@10"])
    assert found.query_keys == ("q", "r")
    assert found.values["RR"].tolist() == [1.0, 0.0]
    assert found.means() == {"RR": 0.5, "Judged@10": 0.5}


def test_a_ranking_of_other_queries_has_nothing():
    found = evaluate(JUDGMENTS, build_ranking(other=["a"]))
    assert set(found.means().values()) == {0.0}


def test_the_order_of_rows_does_not_matter_and_there_are_no_ties():
    ranking = build_ranking(q=["d", "c", "b", "a"])
    reverse = Ranking(ranking.query_key[::-1], ranking.document_id[::-1], ranking.position[::-1])
    one, other = evaluate(JUDGMENTS, ranking, ["AP"]), evaluate(JUDGMENTS, reverse, ["AP"])
    assert one.values["AP"].tolist() == other.values["AP"].tolist()


def test_what_is_below_the_cutoff_does_not_matter():
    one = evaluate(JUDGMENTS, build_ranking(q=["a", "b", "c", "d"]), ["nDCG@2"])
    other = evaluate(JUDGMENTS, build_ranking(q=["a", "b", "d", "c"]), ["nDCG@2"])
    assert one.means() == other.means()


@given(st.permutations(["a", "b", "c", "d", "x", "y"]), st.integers(0, 4))
def test_swapping_a_worse_document_up_never_helps(order, upper):
    grades = {"a": 3, "b": 0, "c": 2, "d": 1, "x": 0, "y": 0}
    swapped = list(order)
    swapped[upper], swapped[upper + 1] = swapped[upper + 1], swapped[upper]
    if grades[order[upper]] < grades[order[upper + 1]]:
        order, swapped = swapped, order
    before = evaluate(JUDGMENTS, build_ranking(q=list(order)), ["nDCG@10", "AP"]).means()
    after = evaluate(JUDGMENTS, build_ranking(q=list(swapped)), ["nDCG@10", "AP"]).means()
    assert all(after[name] <= before[name] + 1e-12 for name in before)
    assert all(0 <= value <= 1 for value in before.values())


def test_the_ideal_order_has_one():
    found = evaluate(JUDGMENTS, build_ranking(q=["a", "c", "d", "b"]), ["nDCG@10", "RR", "AP"])
    assert found.means() == {"nDCG@10": pytest.approx(1), "RR": 1.0, "AP": pytest.approx(1)}


@pytest.mark.parametrize("name", ["nDGC@10", "nDCG@", "nDCG@ten", "", "import os", "P(x=1)@2", "P"])
def test_what_is_no_measure_is_refused(name):
    with pytest.raises(InputError) as refusal:
        check_measures([name])
    assert "is not a measure" in str(refusal.value)


@pytest.mark.parametrize("name", ["ERR@10", "RBP(p=0.8)", "nDCG(dcg='exp-log2')@10"])
def test_a_measure_that_would_start_another_program_is_refused(name):
    with pytest.raises(InputError) as refusal:
        check_measures([name])
    assert "is not computed here" in str(refusal.value)


def test_without_judgments_there_is_nothing_to_say():
    nothing = np.array([], dtype=str)
    judgments = Judgments(nothing, nothing, np.array([], dtype=int))
    with pytest.raises(NotEnoughDataError):
        evaluate(judgments, build_ranking(q=["a"]))
