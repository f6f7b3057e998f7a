"""Positives where position cannot be taken out."""

from __future__ import annotations

import numpy as np

from rankloop.training.uncorrected import find_uncorrected, weigh_actions
from rankloop.training.yields import choose_advice, find_needs


def test_enough_people_make_a_positive_unless_it_is_disliked():
    sieve = find_uncorrected(np.array([0, 1, 2, 5]), 2, np.array([False, False, False, True]))
    assert sieve.left.tolist() == [False, False, True, False]
    assert [(each.rule, each.removed) for each in sieve.removals] == [
        ("few_people", 1),
        ("disliked", 1),
    ]


def test_more_actions_weigh_more_and_never_all():
    weights = weigh_actions(np.array([1, 10, 10_000]))
    assert np.all(np.diff(weights) > 0)
    assert weights[-1] < 1


def test_needs_say_how_many_more_searches_bring_the_floor():
    needs = find_needs(250, 1_000, 5_000)
    assert [(need.what, need.have, need.need, need.searches_needed) for need in needs] == [
        ("queries", 250, 1_000, 15_000),
        ("positives", 1_000, 2_000, 5_000),
    ]
    assert find_needs(1_000, 2_000, 5_000) == []


def test_few_queries_are_good_for_an_adapter_at_most():
    assert choose_advice(999, 99_999) == choose_advice(99_999, 1_999) == "more_data"
    assert choose_advice(1_000, 2_000) == "adapter"
    assert choose_advice(5_000, 2_000) == "encoder"
