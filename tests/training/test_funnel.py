"""What a click is worth, from what followed it."""

from __future__ import annotations

import numpy as np
import pytest

from rankloop.errors import SettingsError, TableError
from rankloop.training.funnel import FunnelCounts, FunnelWeights, estimate_worth, shrink_shares


def count(clicks, satisfied, carts, purchases):
    """Build counts."""
    return FunnelCounts(*(np.array(each) for each in (clicks, satisfied, carts, purchases)))


def test_worth_is_the_weighted_sum_of_what_follows():
    counts = count([10, 10], [10, 10], [0, 0], [10, 10])
    worth = estimate_worth(counts, FunnelWeights())
    assert worth.tolist() == [1 + 1 + 10, 1 + 1 + 10]


def test_one_purchase_after_one_click_does_not_beat_many_after_many():
    none = [0] * 5
    counts = count([1, 1000, 1000, 1000, 1000], none, none, [1, 150, 160, 140, 155])
    worth = estimate_worth(counts, FunnelWeights())
    assert worth[0] == pytest.approx(1 + 10 * 0.15, rel=0.05)
    assert worth[0] < worth[2]


def test_shares_that_are_alike_are_all_the_mean():
    hits, tries = np.array([100, 110, 90, 105]), np.full(4, 1000)
    assert shrink_shares(hits, tries) == pytest.approx(np.full(4, 0.10125), abs=2e-4)


def test_shares_that_differ_stay_what_they_are():
    hits, tries = np.array([10, 900, 100, 700]), np.full(4, 1000)
    assert shrink_shares(hits, tries) == pytest.approx(hits / tries, abs=2e-3)


def test_a_share_without_tries_is_that_of_all():
    assert shrink_shares(np.array([0, 30, 50]), np.array([0, 100, 100]))[0] == pytest.approx(0.4)


def test_more_purchases_than_clicks_are_refused():
    with pytest.raises(TableError, match="more purchases than clicks"):
        count([1], [0], [0], [2])


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused_by_name(weight):
    with pytest.raises(SettingsError, match="the weight of cart is") as caught:
        FunnelWeights(cart=weight)
    assert caught.value.where == "weights.cart"


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(SettingsError, match="every weight is 0"):
        FunnelWeights(click=0, satisfied=0, cart=0, purchase=0)
