"""Judgments of several sources on one scale."""

from __future__ import annotations

import numpy as np
import pytest

from rankloop.bias.cells import Pairs
from rankloop.errors import SettingsError, TableError
from rankloop.training.judgments import Graded, grade_votes, merge_judgments, parse_weights


def grade(names, relevance, weight=None):
    """Say how relevant documents are for one query."""
    size = len(names)
    return Graded(
        np.array(["q"] * size, dtype=object),
        np.array(list(names), dtype=object),
        np.array(relevance, dtype=float),
        np.ones(size) if weight is None else np.array(weight, dtype=float),
    )


def test_sources_are_averaged_by_weight_and_evidence():
    clicks = grade("ab", [0.2, 0.8], [0.5, 0.0])
    human = grade("bc", [0.4, 1.0])
    merged = merge_judgments({"clicks": clicks, "human": human}, {"human": 2})
    assert merged.graded.document_id.tolist() == ["a", "b", "c"]
    assert merged.graded.relevance == pytest.approx([0.2, 0.4, 1.0])
    assert merged.sources == ["clicks", "clicks+human", "human"]
    assert merged.graded.weight.tolist() == [0.5, 1.0, 1.0]


def test_a_source_that_counts_nothing_is_not_heard():
    sources = {"clicks": grade("a", [0.2]), "human": grade("b", [0.4])}
    assert merge_judgments(sources, {"clicks": 0}).sources == ["human"]


def test_no_sources_give_no_judgments():
    merged = merge_judgments({}, {})
    assert (merged.graded.relevance.size, merged.sources) == (0, [])


@pytest.mark.parametrize("weight", [-1.0, float("nan")], ids=["negative", "nan"])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(SettingsError, match="the weight of human is"):
        merge_judgments({}, {"human": weight})


def test_relevance_outside_of_its_scale_is_refused():
    with pytest.raises(TableError, match="a relevance is not within 0 and 1"):
        grade("a", [1.5])


def test_few_votes_count_little_and_many_count_fully():
    pairs = Pairs(np.zeros(3, np.int64), np.array(["q"], object), np.array(["a", "b", "c"], object))
    votes = grade_votes(pairs, np.array([1, 0, 90]), np.array([0, 0, 10]))
    assert votes.document_id.tolist() == ["a", "c"]
    assert votes.weight == pytest.approx([1 / 3, 100 / 102])
    assert votes.relevance[0] < 1
    assert votes.relevance[1] == pytest.approx(0.9, abs=0.01)


def test_weights_are_read_as_people_type_them():
    assert parse_weights(None) == parse_weights(" ") == {}
    assert parse_weights("clicks:0.5") == {"clicks": 0.5}
