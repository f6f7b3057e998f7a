"""Intervals of rates: hand-worked numbers, and coverage where people repeat themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.analytics.intervals import (
    Clustering,
    ClusterSums,
    estimate_design_effect,
    estimate_mean,
    estimate_rate,
)
from rankloop.errors import TableError

approx = pytest.approx


def sum_clusters(n, c, clustering=None):
    """Sum up clusters given as arrays of trials and successes."""
    n, c = np.asarray(n, dtype=np.int64), np.asarray(c, dtype=np.int64)
    return ClusterSums(
        int((n > 0).sum()),
        int(n.sum()),
        int(c.sum()),
        int((n * n).sum()),
        int((c * n).sum()),
        int((c * c).sum()),
        clustering or Clustering("user"),
    )


def draw_people(rng, n_people, n_searches, rate, alike):
    """Simulate people who search often or seldom, and click each at a rate of their own.

    `alike` is the correlation of two searches of one person: beta-binomial.
    """
    n = 1 + rng.poisson(n_searches - 1, n_people)
    strength = (1 - alike) / alike
    own = rng.beta(rate * strength, (1 - rate) * strength, n_people)
    return n, rng.binomial(n, own)


def test_without_data_everything_is_null_but_n():
    rate = estimate_rate(sum_clusters([], []))
    assert (rate.value, rate.n, rate.low, rate.high) == (None, 0, None, None)
    assert rate.clustered_by is None


def test_no_success_is_zero_and_not_null():
    rate = estimate_rate(sum_clusters([1] * 50, [0] * 50))
    assert (rate.value, rate.n, rate.low) == (0.0, 50, 0.0)
    assert rate.high == approx(1.96**2 / (50 + 1.96**2), abs=1e-4)


def test_one_search_a_person_is_wilson():
    rate = estimate_rate(sum_clusters([1] * 100, [1] * 20 + [0] * 80))
    effect = 100 / 99
    n, z = 100 / effect, 1.959964
    middle = (0.2 + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (0.2 * 0.8 / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    assert (rate.low, rate.high) == approx((middle - half, middle + half), abs=1e-6)


def test_ten_equal_searches_a_person_count_as_one():
    once = estimate_rate(sum_clusters([1] * 100, [1] * 20 + [0] * 80))
    tenfold = estimate_rate(sum_clusters([10] * 100, [10] * 20 + [0] * 80))
    assert (tenfold.low, tenfold.high) == approx((once.low, once.high))
    assert tenfold.n == 1_000


def test_the_design_effect_is_never_under_one():
    every_other = sum_clusters([2] * 100, [1] * 100)
    assert estimate_design_effect(every_other) == 1.0


def test_under_thirty_clusters_n_is_their_number():
    n, c = [100] * 29, [50] * 29
    assert estimate_design_effect(sum_clusters(n, c)) == approx(100.0)
    n, c = [100] * 30, [50] * 30
    assert estimate_design_effect(sum_clusters(n, c)) == 1.0


def test_where_nobody_clicked_a_person_counts_once():
    silent = sum_clusters([10] * 50, [0] * 50)
    assert estimate_rate(silent).high == approx(1.96**2 / (50 + 1.96**2), abs=1e-4)


def test_where_nobody_clicked_grouped_people_are_still_counted_as_people():
    groups = sum_clusters([30] * 1_024, [0] * 1_024, Clustering.of_levels(0, 0, 10 * 1_024))
    assert estimate_design_effect(groups) == approx(3.0)


def test_more_successes_than_trials_are_refused():
    with pytest.raises(TableError, match="3 successes in 2 trials"):
        estimate_rate(ClusterSums(1, 2, 3, 4, 6, 9))


def test_the_interval_covers_the_truth_where_the_naive_one_does_not():
    rng = np.random.default_rng(7)
    n_logs, covered, covered_naively = 1_000, 0, 0
    for _ in range(n_logs):
        n, c = draw_people(rng, n_people=200, n_searches=15, rate=0.25, alike=0.3)
        rate = estimate_rate(sum_clusters(n, c))
        naive = estimate_rate(ClusterSums(n.sum(), n.sum(), c.sum(), n.sum(), c.sum(), c.sum()))
        covered += rate.low <= 0.25 <= rate.high
        covered_naively += naive.low <= 0.25 <= naive.high
    assert 0.93 <= covered / n_logs <= 0.97
    assert covered_naively / n_logs < 0.75


def test_the_interval_covers_the_truth_where_the_rate_is_small():
    rng = np.random.default_rng(8)
    n_logs, covered = 1_000, 0
    for _ in range(n_logs):
        n, c = draw_people(rng, n_people=400, n_searches=10, rate=0.03, alike=0.1)
        rate = estimate_rate(sum_clusters(n, c))
        covered += rate.low <= 0.03 <= rate.high
    assert 0.93 <= covered / n_logs <= 0.98


def test_people_thrown_together_give_the_same_interval_in_the_mean():
    rng = np.random.default_rng(9)
    each, grouped = [], []
    for _ in range(60):
        n, c = draw_people(rng, n_people=20_000, n_searches=3, rate=0.2, alike=0.4)
        group = rng.integers(0, 1_024, n.size)
        each.append(estimate_design_effect(sum_clusters(n, c)))
        grouped.append(
            estimate_design_effect(sum_clusters(np.bincount(group, n), np.bincount(group, c)))
        )
    assert np.mean(grouped) == approx(np.mean(each), rel=0.02)
    assert np.std(grouped) / np.mean(grouped) == approx((2 / 1_024) ** 0.5, rel=0.5)


def test_the_complement_turns_the_interval_around():
    sums = sum_clusters([3, 5, 2] * 20, [1, 4, 0] * 20)
    rate, rest = estimate_rate(sums), estimate_rate(sums.complement())
    assert (rest.value, rest.low, rest.high) == approx(
        (1 - rate.value, 1 - rate.high, 1 - rate.low)
    )


@given(
    st.lists(
        st.integers(0, 20).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), max_size=60
    )
)
def test_every_interval_holds_its_value_and_stays_between_0_and_1(people):
    sums = sum_clusters([n for n, _ in people], [c for _, c in people])
    rate = estimate_rate(sums)
    if sums.n == 0:
        assert rate.value is None
    else:
        assert 0.0 <= rate.low <= rate.value <= rate.high <= 1.0
        assert estimate_design_effect(sums) >= 1.0


def test_a_mean_of_one_person_has_no_interval():
    assert estimate_mean(ClusterSums(1, 4, 8, 16, 32, 64)) == (2.0, None, None)
    assert estimate_mean(ClusterSums(0, 0, 0, 0, 0, 0)) == (None, None, None)


def test_the_mean_is_covered_where_people_repeat_themselves():
    rng = np.random.default_rng(10)
    covered = 0
    for _ in range(1_000):
        taste = rng.gamma(2.0, 1.0, 100)
        clicks = 1 + rng.poisson(4, 100)
        positions = np.array([rng.poisson(t, k).sum() for t, k in zip(taste, clicks, strict=True)])
        _, low, high = estimate_mean(sum_clusters(clicks, positions))
        covered += low <= 2.0 <= high
    assert 0.92 <= covered / 1_000 <= 0.97


def test_rows_that_differ_in_what_they_have_are_mixed():
    assert Clustering.of_levels(1, 1).clustered_by == "session"
    assert Clustering.of_levels(0, 1).clustered_by == "mixed"
    assert Clustering.of_levels(None, None).clustered_by is None
