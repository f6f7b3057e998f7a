"""Many tests at once: the false discovery rate is kept, bunches of clicks included."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
from scipy.stats import false_discovery_control, poisson

from rankloop.analytics.multiplicity import (
    Bunches,
    ShortfallConfig,
    compute_lower_tails,
    confirm_shortfalls,
    find_discoveries,
    screen_shortfalls,
)
from rankloop.errors import SettingsError, TableError

approx = pytest.approx


def test_the_lower_tail_is_poissons():
    assert compute_lower_tails([0], [3.0])[0] == approx(exp(-3))
    assert compute_lower_tails([2], [3.0])[0] == approx(exp(-3) * (1 + 3 + 4.5))
    counts, means = np.arange(50), np.linspace(0.5, 80, 50)
    assert compute_lower_tails(counts, means) == approx(poisson.cdf(counts, means))


def test_nothing_expected_is_nothing_missed():
    assert compute_lower_tails([0], [0.0])[0] == 1.0


def test_clicks_in_bunches_make_a_shortfall_less_telling():
    plain, bunched = compute_lower_tails([0, 0], [12.0, 12.0], [1.0, 4.0])
    assert plain == approx(exp(-12))
    assert bunched == approx(exp(-3))


def test_a_dispersion_under_one_is_refused():
    with pytest.raises(TableError):
        compute_lower_tails([0], [1.0], [0.5])


def test_discoveries_agree_with_scipy():
    rng = np.random.default_rng(3)
    chances = np.concatenate([rng.uniform(size=200), rng.beta(0.2, 8.0, size=40)])
    expected = false_discovery_control(chances, method="bh") <= 0.10
    assert (find_discoveries(chances) == expected).all()


def test_no_tests_no_discoveries():
    assert find_discoveries([]).tolist() == []
    assert find_discoveries([0.2, 0.9]).tolist() == [False, False]


def test_shuffled_clicks_yield_hardly_a_finding():
    rng = np.random.default_rng(4)
    config = ShortfallConfig()
    n_logs_with_findings = 0
    for _ in range(300):
        expected = rng.uniform(5, 60, 200)
        screening = screen_shortfalls(rng.poisson(expected), expected, config)
        n_logs_with_findings += bool(screening.suspects)
    assert n_logs_with_findings / 300 <= 0.12


def test_at_most_a_tenth_of_the_findings_is_false():
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(200):
        expected = rng.uniform(5, 60, 300)
        is_skipped = np.arange(300) < 40
        clicks = rng.poisson(np.where(is_skipped, 0.2, 1.0) * expected)
        found = screen_shortfalls(clicks, expected, ShortfallConfig()).suspects
        assert len(found) > 20
        shares.append(np.mean(~is_skipped[found]))
    assert np.mean(shares) <= 0.10


def test_a_small_shortfall_is_not_listed_however_sure_it_is():
    config = ShortfallConfig(max_ratio=0.5)
    screening = screen_shortfalls([8_000, 4_000], [10_000.0, 10_000.0], config)
    assert screening.suspects == [1]


def test_too_little_expected_is_not_tested():
    assert screen_shortfalls([0], [4.9], ShortfallConfig()).suspects == []


def test_most_lost_clicks_come_first_and_the_rest_is_left_out():
    config = ShortfallConfig(max_checked=2)
    screening = screen_shortfalls([0, 0, 0], [20.0, 40.0, 30.0], config)
    assert screening.suspects == [1, 2]


def sum_bunches(observed, expected, n_trials):
    """Sum up people given as arrays of clicks and expected clicks."""
    return Bunches(
        len(observed),
        n_trials,
        float(observed @ observed),
        float(observed @ expected),
        float(expected @ expected),
    )


def test_one_person_who_repeats_himself_condemns_nothing():
    config = ShortfallConfig()
    screening = screen_shortfalls([0, 0], [12.0, 12.0], config)
    one_person = sum_bunches(np.zeros(1), np.array([12.0]), n_trials=60)
    sixty_people = sum_bunches(np.zeros(60), np.full(60, 0.2), n_trials=60)
    stands = confirm_shortfalls(screening, {0: one_person, 1: sixty_people}, config)
    assert stands == {1: approx(exp(-12))}


@pytest.mark.parametrize(("n_people", "n_searches"), [(6, 30), (60, 20)])
def test_heavy_searchers_keep_the_rate_where_independence_would_not(n_people, n_searches):
    rng = np.random.default_rng(6)
    config = ShortfallConfig(max_ratio=0.75)
    naive, robust = 0, 0
    for _ in range(150):
        # Forty documents as good as each other; people differ in how much they click at all.
        taste = rng.beta(0.2 * 4, 0.8 * 4, size=(40, n_people))
        clicks = rng.binomial(n_searches, taste)
        each = np.full(n_people, n_searches * 0.2)
        screening = screen_shortfalls(clicks.sum(axis=1), np.full(40, each.sum()), config)
        bunches = {
            place: sum_bunches(clicks[place], each, n_people * n_searches)
            for place in screening.suspects
        }
        naive += bool(screening.suspects)
        robust += bool(confirm_shortfalls(screening, bunches, config))
    assert naive / 150 > 0.3
    assert robust / 150 <= 0.2


def test_what_is_truly_passed_over_is_found_among_heavy_searchers():
    rng = np.random.default_rng(7)
    config = ShortfallConfig()
    taste = rng.beta(0.2 * 4, 0.8 * 4, size=60)
    clicks = rng.binomial(20, 0.2 * taste)
    each = np.full(60, 20 * 0.2)
    screening = screen_shortfalls([clicks.sum()], [each.sum()], config)
    assert confirm_shortfalls(screening, {0: sum_bunches(clicks, each, 1_200)}, config)


def test_a_setting_out_of_range_is_refused():
    for wrong in (
        {"max_ratio": 0.0},
        {"min_expected": 0.0},
        {"false_discovery_rate": 1.0},
        {"max_checked": 0},
    ):
        with pytest.raises(SettingsError):
            ShortfallConfig(**wrong)
