"""What an encoder learns from."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from rankloop.errors import NotEnoughDataError
from rankloop.tables.pairs import Pair
from rankloop.training.encoder_examples import draw_columns, gather_examples


def pair(query, positive, negatives=(), weight=1.0):
    return Pair(
        query, "p", positive, ["n"] * len(negatives), [*negatives], weight, "corrected", "r"
    )


def test_a_pair_without_a_text_teaches_nothing():
    examples = gather_examples([pair("q", None), pair("q", "a"), pair("p", "b", [None, "a"])])
    assert [(row.query, row.positive, row.negatives) for row in examples.rows] == [
        (0, 0, ()),
        (1, 1, (0,)),
    ]


def test_pairs_without_any_text_are_too_few():
    with pytest.raises(NotEnoughDataError, match="no pair has") as caught:
        gather_examples([pair("q", None)])
    assert "texts" in caught.value.hint


def test_what_serves_a_query_is_no_negative_of_it():
    examples = gather_examples([pair("q", "a", ["b", "c"]), pair("q", "b", ["a"])])
    assert [[examples.documents[k] for k in row.negatives] for row in examples.rows] == [["c"], []]


def test_pairs_are_drawn_in_proportion_to_their_weight():
    examples = gather_examples([pair("q", "a", weight=0.6), pair("p", "b", weight=0.2)])
    drawn = Counter(draw_columns(examples, 40, 0, np.random.default_rng(1))["anchor"])
    assert drawn == {"q": 30, "p": 10}


def test_pairs_of_one_weight_come_once_each():
    examples = gather_examples([pair(f"q{k}", f"d{k}") for k in range(7)])
    columns = draw_columns(examples, 7, 1, np.random.default_rng(3))
    assert sorted(columns["anchor"]) == [f"q{k}" for k in range(7)]


def test_own_negatives_come_first_and_no_drawn_one_serves_the_query():
    pairs = [pair("q", "a", ["x"]), pair("q", "b", ["x"]), pair("p", "c"), pair("s", "d")]
    columns = draw_columns(gather_examples(pairs), 200, 2, np.random.default_rng(2))
    rows = list(zip(columns["anchor"], columns["negative_1"], columns["negative_2"], strict=True))
    of_q = [row for row in rows if row[0] == "q"]
    assert {first for _, first, _ in of_q} == {"x"}
    assert {second for _, _, second in of_q} == {"c", "d"}
    assert all({"p": "c", "s": "d"}[row[0]] not in row[1:] for row in rows if row[0] != "q")


def test_there_is_nothing_to_contrast_with_where_one_document_serves_all():
    examples = gather_examples([pair("q", "a"), pair("p", "a")])
    with pytest.raises(NotEnoughDataError, match="nothing to contrast"):
        draw_columns(examples, 2, 1, np.random.default_rng(1))
