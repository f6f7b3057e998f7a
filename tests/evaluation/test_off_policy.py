"""What another ranking would earn: right sums by hand, right signs on simulated truth."""

import numpy as np
import pytest

from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.bias.simulation_truth import draw_truth
from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.evaluation.off_policy import (
    LoggedClicks,
    OffPolicyConfig,
    estimate_gain,
    to_weights,
)

N_SHARDS = 64
EXAMINATION = 1 / np.arange(1.0, 11.0)


def two_pairs(clicks=(1.0, 3.0), examinations=(10.0, 5.0), n_shards=8):
    """One query, two documents, every group of people alike."""
    return LoggedClicks(
        query=np.array([0, 0]),
        pair=np.arange(2).repeat(n_shards),
        shard=np.tile(np.arange(n_shards), 2),
        clicks=np.repeat(clicks, n_shards),
        examinations=np.repeat(examinations, n_shards),
        searches=np.full((1, n_shards), 10.0),
    )


SHOWN, SWAPPED = np.array([1.0, 0.5]), np.array([0.5, 1.0])


def test_the_gain_is_the_difference_of_what_both_orders_earn():
    gain = estimate_gain(two_pairs(), np.zeros(2), (SWAPPED, SHOWN))

    # Attractions are 1/10 and 3/5: shown, .1 + .5 * .6; swapped, .5 * .1 + .6.
    assert gain.value == pytest.approx((0.5 * 0.1 + 0.6) - (0.1 + 0.5 * 0.6))
    assert gain.baseline == pytest.approx(0.1 + 0.5 * 0.6)


def test_the_same_ranking_gains_nothing_for_sure():
    gain = estimate_gain(two_pairs(), np.array([0.3, 0.2]), (SHOWN, SHOWN))

    assert (gain.value, gain.std_error, gain.low) == (0.0, 0.0, 0.0)


def test_groups_that_are_alike_leave_no_doubt():
    gain = estimate_gain(two_pairs(), np.zeros(2), (SWAPPED, SHOWN))

    assert gain.std_error == pytest.approx(0.0, abs=1e-12)


def test_where_the_log_is_rich_the_guess_does_not_matter():
    wrong, none = np.array([0.9, 0.01]), np.zeros(2)

    rich = two_pairs(examinations=(10.0, 5.0))
    assert estimate_gain(rich, wrong, (SWAPPED, SHOWN)).value == pytest.approx(
        estimate_gain(rich, none, (SWAPPED, SHOWN)).value
    )


def test_what_was_hardly_looked_at_is_left_to_the_guess():
    thin = two_pairs(clicks=(1.0, 0.0), examinations=(10.0, 0.001))
    config = OffPolicyConfig(min_support=0.0)
    gain = estimate_gain(thin, np.array([0.1, 0.4]), (SWAPPED, SHOWN), config)

    assert gain.value == pytest.approx(-0.5 * 0.1 + 0.5 * 0.4, abs=2e-3)


def test_documents_that_nobody_looked_at_are_no_ground_for_a_ranking():
    thin = two_pairs(clicks=(1.0, 0.0), examinations=(10.0, 0.0))

    with pytest.raises(NotEnoughDataError, match="33% of what the new ranking shows"):
        estimate_gain(thin, np.zeros(2), (SWAPPED, SHOWN))


def test_a_log_of_few_people_says_nothing_about_its_error():
    with pytest.raises(NotEnoughDataError, match="7 groups"):
        estimate_gain(two_pairs(n_shards=7), np.zeros(2), (SWAPPED, SHOWN))


def test_clicks_below_the_floor_are_reported():
    log = two_pairs(clicks=(1.0, 0.1), examinations=(10.0, 0.15))
    gain = estimate_gain(log, np.zeros(2), (SWAPPED, SHOWN))

    # The second pair's clicks are divided by .02 * 80 searches instead of 8 * .15.
    assert gain.clipped_share == pytest.approx((0.8 / 1.6) / (0.8 / 1.6 + 8 / 80))
    assert gain.largest_share == gain.clipped_share


def test_columns_that_do_not_belong_together_are_refused():
    with pytest.raises(TableError):
        estimate_gain(two_pairs(), np.zeros(3), (SWAPPED, SHOWN))


@pytest.mark.parametrize("field", [{"floor": 0}, {"confidence": 0.5}, {"min_support": 2}])
def test_settings_out_of_range_are_named(field):
    with pytest.raises(SettingsError) as caught:
        OffPolicyConfig(**field)

    assert caught.value.where == next(iter(field))


def simulate(truth, n_searches, seed):
    """Log searches of a ranker with some noise, and fold them."""
    simulation = Simulation(
        truth,
        ranker=RankerConfig(noise_sd=0.1),
        config=SimulationConfig(seed=seed, n_searches=n_searches, n_people=2_000),
    )
    cells = simulation.run().to_cells(N_SHARDS)
    seen = cells.n * EXAMINATION[cells.position]
    searches = np.zeros((len(truth.pairs.query_keys), N_SHARDS))
    first = cells.position == 0
    np.add.at(searches, (truth.pairs.query[cells.pair[first]], cells.shard[first]), cells.n[first])
    logged = LoggedClicks(
        query=truth.pairs.query,
        pair=cells.pair,
        shard=cells.shard.astype(np.int64),
        clicks=cells.clicks.astype(np.float64),
        examinations=seen,
        searches=searches,
    )
    shown = np.bincount(cells.pair, cells.n, len(truth.pairs))
    return logged, shown


def to_order(truth, scores):
    """Return each pair's position when its query is ranked by scores."""
    order = np.lexsort((-scores, truth.pairs.query))
    positions = np.empty(order.size, dtype=np.int64)
    positions[order] = np.arange(order.size) % 10
    return positions


def test_signs_are_right_where_raw_clicks_are_a_coin_flip():
    rng = np.random.default_rng(5)
    right = {"dr": 0, "raw": 0}
    n_candidates = 0
    for seed in range(3):
        truth = draw_truth(np.random.default_rng(seed))
        logged, shown = simulate(truth, 2_000, seed)
        clicks = np.bincount(logged.pair, logged.clicks, len(truth.pairs))
        guess = np.full(len(truth.pairs), clicks.sum() / logged.examinations.sum())
        old = to_weights(to_order(truth, truth.score), EXAMINATION)
        for error_sd in np.linspace(0.02, 0.3, 20):
            scores = truth.attraction + rng.normal(0, error_sd, len(truth.pairs))
            new = to_weights(to_order(truth, scores), EXAMINATION)
            share = truth.popularity[truth.pairs.query]
            gain = (share * (new - old) * truth.attraction).sum()
            if abs(gain) < 0.005:
                continue
            n_candidates += 1
            estimate = estimate_gain(logged, guess, (new, old), OffPolicyConfig(min_support=0))
            raw = (share * (new - old) * clicks / np.maximum(shown, 1)).sum()
            right["dr"] += np.sign(estimate.value) == np.sign(gain)
            right["raw"] += np.sign(raw) == np.sign(gain)

    assert n_candidates > 30
    assert right["dr"] / n_candidates >= 0.9
    assert right["raw"] / n_candidates <= 0.75


def test_the_lower_bound_lies_below_the_truth_nearly_always():
    inside = []
    for seed in range(40):
        truth = draw_truth(np.random.default_rng(seed))
        logged, _ = simulate(truth, 5_000, seed)
        clicks = np.bincount(logged.pair, logged.clicks, len(truth.pairs))
        guess = np.full(len(truth.pairs), clicks.sum() / logged.examinations.sum())
        old = to_weights(to_order(truth, truth.score), EXAMINATION)
        scores = truth.score + np.random.default_rng(seed).normal(0, 0.05, len(truth.pairs))
        new = to_weights(to_order(truth, scores), EXAMINATION)
        # Which queries come is part of the log, not of the question.
        share = logged.searches.sum(axis=1)[truth.pairs.query] / logged.searches.sum()
        gain = (share * (new - old) * truth.attraction).sum()
        inside.append(estimate_gain(logged, guess, (new, old)).low <= gain)

    assert np.mean(inside) >= 0.9
