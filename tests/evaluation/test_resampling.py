"""Intervals hold the truth as often as they say, and tests find nothing where nothing is."""

import numpy as np
import pytest

from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.evaluation.resampling import (
    ResamplingConfig,
    estimate_difference,
    estimate_mean,
    queries_needed,
)

FEW = ResamplingConfig(n_resamples=1_000)


def rng(seed=1):
    return np.random.default_rng(seed)


def test_few_values_are_tested_with_every_combination_of_signs():
    found = estimate_mean(np.array([1.0, 2.0, 4.0]), rng())
    # Of eight sums of +-1 +-2 +-4, two are as far from 0 as 7.
    assert found.p_value == 2 / 8
    assert found.value == pytest.approx(7 / 3)


def test_sums_that_differ_by_rounding_alone_count_as_equal():
    found = estimate_mean(np.array([0.1, 0.2, 0.3, -0.6, 0.6]), rng())
    # In tenths, 6 or more: where the sixes agree, all 16; where they do not, only +-(1 + 2 + 3).
    assert found.p_value == 20 / 32


def test_no_difference_has_no_interval_and_no_doubt():
    found = estimate_difference(np.ones(20), np.ones(20), rng())
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize("interval", ["bca", "percentile"])
def test_intervals_hold_the_truth_as_often_as_they_say(interval):
    draws = rng(2)
    config = ResamplingConfig(n_resamples=600, interval=interval)
    held = 0
    for _ in range(300):
        found = estimate_mean(draws.exponential(1.0, 60), draws, config)
        held += found.low <= 1 <= found.high
    assert 0.90 <= held / 300 <= 0.98


def test_the_corrected_interval_leans_the_way_the_data_do():
    skewed = rng(3).exponential(1.0, 40)
    corrected = estimate_mean(skewed, rng(), ResamplingConfig(interval="bca"))
    plain = estimate_mean(skewed, rng(), ResamplingConfig(interval="percentile"))
    assert corrected.low > plain.low
    assert corrected.high > plain.high


def test_the_corrected_interval_is_the_one_of_scipy():
    from scipy.stats import bootstrap

    values = rng(4).exponential(1.0, 50)
    ours = estimate_mean(values, rng(), ResamplingConfig(n_resamples=20_000))
    theirs = bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=rng()
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_the_permutation_test_finds_nothing_where_nothing_is():
    draws = rng(5)
    found = [
        estimate_difference(draws.random(30), draws.random(30), draws, FEW).p_value
        for _ in range(400)
    ]
    assert 0.02 <= np.mean(np.array(found) <= 0.05) <= 0.08


def test_values_of_one_cluster_are_not_many():
    draws = rng(6)
    false_findings = np.zeros(2)
    for _ in range(100):
        effect = np.repeat(draws.normal(0, 1, 20), 30)
        values = effect + draws.normal(0, 0.3, 600)
        clusters = np.repeat(np.arange(20), 30)
        false_findings += (
            estimate_mean(values, draws, FEW, clusters).p_value <= 0.05,
            estimate_mean(values, draws, FEW).p_value <= 0.05,
        )
    clustered, naive = false_findings / 100
    assert clustered <= 0.1
    assert naive > 0.5


def test_clusters_of_different_size_count_by_size():
    values = np.array([1.0, 1.0, 1.0, 4.0])
    found = estimate_mean(values, rng(), FEW, np.array(["a", "a", "a", "b"]))
    assert found.value == pytest.approx(7 / 4)
    assert (found.n, found.n_clusters) == (4, 2)
    assert 1 <= found.low <= found.high <= 4


def test_the_same_generator_gives_the_same_answer():
    values = rng(7).normal(0.1, 1, 50)
    assert estimate_mean(values, rng(8)) == estimate_mean(values, rng(8))


def test_chunks_do_not_change_the_answer(monkeypatch):
    values = rng(9).normal(0.1, 1, 50)
    whole = estimate_mean(values, rng(8), FEW)
    monkeypatch.setattr("rankloop.evaluation.resampling.CHUNK", 333)
    assert estimate_mean(values, rng(8), FEW) == whole


def test_the_number_of_queries_needed_follows_from_their_spread():
    spread = np.array([-0.1, 0.1])
    # sd = 0.1414; (1.96 + 0.8416)^2 * 0.02 / 0.05^2 = 62.8.
    assert queries_needed(spread, effect=0.05) == 63
    assert queries_needed(spread, effect=0.025) == 252


def test_as_many_queries_show_the_effect_as_often_as_was_asked():
    draws = rng(10)
    n = queries_needed(draws.normal(0, 0.2, 5_000), effect=0.05)
    shown = [
        estimate_mean(draws.normal(0.05, 0.2, n), draws, FEW).p_value <= 0.05 for _ in range(300)
    ]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.07)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: estimate_mean(np.array([1.0]), rng()), NotEnoughDataError),
        (lambda: estimate_mean(np.array([1.0, np.nan]), rng()), TableError),
        (lambda: estimate_difference(np.ones(2), np.ones(3), rng()), TableError),
        (lambda: estimate_mean(np.ones(2), rng(), clusters=np.ones(3)), TableError),
        (lambda: estimate_mean(np.ones(2), rng(), clusters=np.ones(2)), NotEnoughDataError),
        (lambda: queries_needed(np.ones(9), 0.1), NotEnoughDataError),
        (lambda: queries_needed(np.arange(9.0), 0.0), SettingsError),
        (lambda: queries_needed(np.arange(9.0), 0.1, power=1.0), SettingsError),
        (lambda: ResamplingConfig(n_resamples=10), SettingsError),
        (lambda: ResamplingConfig(confidence=1.0), SettingsError),
        (lambda: ResamplingConfig(interval="t"), SettingsError),
    ],
    ids=[
        "one value",
        "nan",
        "lengths",
        "clusters",
        "one cluster",
        "all alike",
        "effect",
        "power",
        "draws",
        "confidence",
        "interval",
    ],
)
def test_what_cannot_be_answered_is_refused(call, error):
    with pytest.raises(error):
        call()
