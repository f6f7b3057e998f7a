"""Simulated shoppers: clicks follow the position-based model, the log is like a real one."""

import numpy as np
import pytest

from rankloop.testing.shop import Shop, ShopConfig
from rankloop.testing.shoppers import (
    ACT_TYPES,
    CART,
    DAY,
    LONG_VIEW,
    LONG_VIEW_MS,
    PURCHASE,
    Shoppers,
    TrafficConfig,
)

END_US = 20_500 * DAY


@pytest.fixture(scope="module")
def crowd():
    return Shoppers(Shop(), END_US, TrafficConfig(n_searches=40_000))


def test_same_seed_makes_the_same_clicks(crowd):
    twin = Shoppers(Shop(), END_US, TrafficConfig(n_searches=40_000))
    assert np.array_equal(twin.lists.clicked, crowd.lists.clicked)


def test_clicks_follow_examination_times_attraction(crowd):
    lists, shop = crowd.lists, crowd.shop
    rows = (lists.shoppers >= 0) & (lists.offsets == 0)
    attraction = shop.attraction[lists.queries[rows, None], lists.documents[rows]]
    attraction[lists.documents[rows] < 0] = 0
    expected = shop.examination(10) * attraction.sum(axis=0)
    off = lists.clicked[rows].sum(axis=0) - expected
    # A sum of chances varies by less than its own square root.
    assert np.abs(off / np.sqrt(expected)).max() < 3


def test_the_naive_curve_is_steeper_than_the_true_one(crowd):
    first = (crowd.lists.offsets == 0) & (crowd.lists.shoppers >= 0)
    ctr = crowd.lists.clicked[first].mean(axis=0)
    assert ctr[9] / ctr[0] < 0.6 * crowd.shop.examination(10)[9]


def test_the_robot_searches_fast_and_has_one_session(crowd):
    rows = crowd.lists.shoppers < 0
    assert rows.sum() == 600
    assert np.ptp(crowd.lists.at[rows]) < DAY / 24
    assert set(crowd.lists.sessions[rows]) == {-1}


def test_the_second_page_follows_the_first_of_the_same_search(crowd):
    lists = crowd.lists
    second = lists.offsets == 10
    assert 0.03 < second.mean() < 0.09
    firsts = dict(zip(lists.searches[~second], np.flatnonzero(~second), strict=True))
    rows = np.array([firsts[search] for search in lists.searches[second]])
    assert np.array_equal(lists.queries[rows], lists.queries[second])
    assert (lists.at[rows] < lists.at[second]).all()


def test_who_misspells_types_it_right_next(crowd):
    lists, meant = crowd.lists, crowd.shop.queries.meant
    is_first = (lists.offsets == 0) & (lists.shoppers >= 0)
    order = np.lexsort((lists.at[is_first], lists.sessions[is_first]))
    sessions, queries = lists.sessions[is_first][order], lists.queries[is_first][order]
    wrong = (meant[queries[:-1]] != queries[:-1]) & (sessions[1:] == sessions[:-1])
    assert wrong.sum() > 50
    assert np.array_equal(queries[1:][wrong], meant[queries[:-1][wrong]])


def test_times_lie_within_the_days_asked_for(crowd):
    assert crowd.lists.at.min() >= END_US - 14 * DAY
    assert crowd.lists.at.max() <= END_US
    assert (np.diff(crowd.lists.at) >= 0).all()


def test_a_long_view_is_one_by_its_dwell_and_a_purchase_follows_a_cart(crowd):
    acts = crowd.acts
    assert (acts.durations_ms[acts.kinds == LONG_VIEW] > LONG_VIEW_MS).all()
    assert 0 < (acts.kinds == PURCHASE).sum() < (acts.kinds == CART).sum()
    assert ACT_TYPES[LONG_VIEW] == ["click", "long_view"]


def test_a_log_without_robot_and_orphans_is_possible():
    crowd = Shoppers(
        Shop(ShopConfig(most_attraction=1e-9)),
        END_US,
        TrafficConfig(n_searches=50, n_robot_searches=0),
    )
    assert crowd.acts.at.size == 0
    assert crowd.lists.at.size >= 50
