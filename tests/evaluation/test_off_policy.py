"""What another ranking would earn: right sums by hand, right signs on simulated truth."""

from dataclasses import replace

import numpy as np
import pytest

from rankloop.bias.simulation_truth import draw_truth
from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.evaluation.logged_clicks import Examination, Guess, LoggedClicks, Placement
from rankloop.evaluation.off_policy import (
    OffPolicyConfig,
    estimate_gain,
    estimate_gains,
    find_crossover,
)
from rankloop.evaluation.off_policy_sums import rank_within

CLICKS = OffPolicyConfig(measure="clicks")
CURVE = np.array([1.0, 0.5])
SHOWN, SWAPPED = (Placement.fixed(np.array(order)) for order in ([0, 1], [1, 0]))
TRUE_GUESS = Guess(np.array([0.1, 0.6]), strength=5.0)


def two_pairs(clicks=(1.0, 3.0), n=(10.0, 10.0), n_groups=8):
    """One query, two documents that never move, every group of people alike."""
    return LoggedClicks(
        query=np.array([0, 0]),
        pair=np.arange(2).repeat(n_groups),
        position=np.arange(2).repeat(n_groups),
        shard=np.tile(np.arange(n_groups), 2),
        n=np.repeat(n, n_groups),
        clicks=np.repeat(clicks, n_groups),
    )


def gain_of(
    logged, guess=TRUE_GUESS, config=CLICKS, estimator="dr", rankings=(SWAPPED, SHOWN), n_groups=8
):
    looks = Examination.known(CURVE, n_groups)
    return estimate_gain(logged, looks, guess, rankings, config, estimator)


def test_the_gain_in_clicks_is_the_difference_of_what_both_orders_earn():
    gain = gain_of(two_pairs(), estimator="ips")

    # Attractions are 8/80 and 24/40: shown, .1 + .5 * .6; swapped, .5 * .1 + .6.
    assert gain.value == pytest.approx((0.5 * 0.1 + 0.6) - (0.1 + 0.5 * 0.6))
    assert gain.baseline == pytest.approx(0.1 + 0.5 * 0.6)
    assert gain.measure == "clicks per search"


def test_the_gain_in_ndcg_is_a_share_of_what_the_guess_lets_the_query_earn():
    gain = gain_of(two_pairs(), config=OffPolicyConfig(), estimator="ips")
    second = 1 / np.log2(3)
    ideal = 0.6 + second * 0.1

    assert gain.value == pytest.approx((0.6 + second * 0.1 - 0.1 - second * 0.6) / ideal)
    assert gain.baseline == pytest.approx((0.1 + second * 0.6) / ideal)
    assert gain.measure == "nDCG@10"


def test_a_pair_is_believed_as_far_as_it_was_looked_at():
    guess = Guess(np.array([0.1, 0.3]), strength=10.0)
    gain = gain_of(two_pairs(), guess)

    # 24 clicks in 40 looks where 12 were expected: .3 + 12 / (40 + 10).
    assert gain.value == pytest.approx(0.5 * (0.54 - 0.1))


def test_the_same_ranking_gains_nothing_for_sure():
    gain = gain_of(two_pairs(), rankings=(SHOWN, SHOWN))

    assert (gain.value, gain.std_error, gain.low) == (0.0, 0.0, 0.0)


def test_groups_that_are_alike_leave_the_doubt_of_the_guess_alone():
    gain = gain_of(two_pairs())
    alone = gain_of(two_pairs(), estimator="floor")
    left = (5 / 85) ** 2 * 0.1 / 5 + (5 / 45) ** 2 * 0.6 / 5

    assert alone.std_error == pytest.approx(0.0, abs=1e-12)
    assert gain.std_error == pytest.approx(0.5 * np.sqrt(left))


def test_the_curve_of_each_group_widens_the_error():
    looks = Examination.known(CURVE, 8)
    shaken = replace(looks, without=looks.without * [[1, 0.9]] ** np.arange(-4, 4)[:, None])
    rankings = (SWAPPED, SHOWN)
    sure = estimate_gain(two_pairs(), looks, TRUE_GUESS, rankings)
    unsure = estimate_gain(two_pairs(), shaken, TRUE_GUESS, rankings)

    assert unsure.value == sure.value
    assert unsure.std_error > 2 * sure.std_error


def test_where_the_log_is_rich_the_guess_does_not_matter():
    rich = two_pairs(clicks=(1e4, 3e4), n=(1e5, 1e5))
    wrong = Guess(np.array([0.9, 0.01]), strength=5.0)

    assert gain_of(rich, wrong).value == pytest.approx(gain_of(rich).value, abs=1e-4)


def test_what_was_hardly_looked_at_is_left_to_the_guess():
    thin = two_pairs(clicks=(1.0, 0.0), n=(10.0, 0.002))
    gain = gain_of(
        thin, Guess(np.array([0.1, 0.4]), 5.0), OffPolicyConfig("clicks", min_support=0.0)
    )

    assert gain.value == pytest.approx(-0.5 * 0.1 + 0.5 * 0.4, abs=1e-3)
    assert gain.guessed_share == pytest.approx(0.2 / 0.25, abs=0.02)


def test_what_stood_at_a_place_nobody_knows_counts_for_nothing():
    looks = Examination.known(np.array([1.0, np.nan]), 8)
    config = OffPolicyConfig("clicks", min_support=0.0)
    gain = estimate_gain(two_pairs(), looks, TRUE_GUESS, (SWAPPED, SHOWN), config)

    # Of the second pair only the guess is left; nothing is earned at the second position.
    assert gain.value == pytest.approx(0.6 - 0.1)


def test_documents_that_nobody_looked_at_are_no_ground_for_a_ranking():
    thin = two_pairs(clicks=(1.0, 0.0), n=(10.0, 0.0))

    with pytest.raises(NotEnoughDataError, match=r"33\.3% of what the new ranking shows"):
        gain_of(thin)


def test_a_log_of_few_people_says_nothing_about_its_error():
    with pytest.raises(NotEnoughDataError, match="5 groups of people, 8 are needed") as caught:
        gain_of(two_pairs(n_groups=5), n_groups=5)

    assert "3 more people" in caught.value.hint


def test_the_heaviest_pair_is_reported():
    gain = gain_of(two_pairs(), estimator="ips")

    # Both differences are .5, attractions .1 and .6.
    assert gain.largest_share == pytest.approx(0.6 / 0.7)
    assert gain.effective_clicks == pytest.approx(
        (8 / 80 + 24 / 40) ** 2 / (8 / 80**2 + 24 / 40**2)
    )


def test_several_rankings_are_estimated_as_each_alone():
    looks = Examination.known(CURVE, 8)
    pairs = [(SWAPPED, SHOWN), (SHOWN, SHOWN), (SHOWN, SWAPPED)]
    together = estimate_gains(two_pairs(), looks, TRUE_GUESS, pairs)

    assert together == [estimate_gain(two_pairs(), looks, TRUE_GUESS, one) for one in pairs]
    assert together[0].value == -together[2].value


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(TableError, match="one value a pair"):
        gain_of(two_pairs(), Guess(np.ones(3), 1.0))
    with pytest.raises(TableError, match="all groups"):
        gain_of(two_pairs(n_groups=9), n_groups=8)


@pytest.mark.parametrize(
    "field",
    [{"floor": 0}, {"confidence": 0.5}, {"min_support": 2}, {"depth": 0}, {"measure": "joy"}],
    ids=["floor", "confidence", "min_support", "depth", "measure"],
)
def test_settings_out_of_range_are_named(field):
    with pytest.raises(SettingsError) as caught:
        OffPolicyConfig(**field)

    assert caught.value.where == next(iter(field))


def test_the_nearest_steepness_that_turns_the_decision_is_told():
    etas = [0.0, 0.5, 1.0, 1.5, 2.0]

    assert find_crossover(etas, [-2.0, -1.0, 1.0, 3.0, -1.0], 1.0) == 0.75
    assert find_crossover(etas, [-2.0, -1.0, 1.0, 3.0, -1.0], 1.9) == 1.875
    assert find_crossover(etas, [1.0, 1.0, np.nan, 1.0, 2.0], 1.0) is None


def rank(truth, scores):
    """Place each query's documents by scores."""
    return Placement.fixed(rank_within(truth.pairs.query, scores))


def earn(folded, placement):
    """Return the true discounted attraction of a ranking as a share of the ideal."""
    truth, discount = folded.truth, 1 / np.log2(np.arange(2.0, 12.0))
    n = len(truth.pairs)
    ideal = rank(truth, truth.attraction).weigh(discount, n) * truth.attraction
    whole = np.bincount(truth.pairs.query, ideal)[truth.pairs.query]
    earned = placement.weigh(discount, n) * truth.attraction / whole
    return float((folded.popularity * earned).sum())


def test_signs_are_right_where_raw_clicks_are_a_coin_flip(fold_log):
    rng = np.random.default_rng(5)
    n_right, n_raw, n_candidates = 0, 0, 0
    for seed in range(3):
        truth = draw_truth(np.random.default_rng(seed))
        folded = fold_log(truth, 2_000, seed)
        logged, old = folded.logged, rank(truth, truth.score)
        errors = np.linspace(0.02, 0.3, 20)[:, None] * rng.standard_normal((20, len(truth.pairs)))
        news = [rank(truth, truth.attraction + error) for error in errors]
        config = OffPolicyConfig(min_support=0.0)
        found = estimate_gains(
            logged, folded.examination, folded.flat_guess, [(new, old) for new in news], config
        )
        shown = np.bincount(logged.pair, logged.n, len(truth.pairs))
        rate = np.bincount(logged.pair, logged.clicks, len(truth.pairs)) / np.maximum(shown, 1)
        for new, gain in zip(news, found, strict=True):
            true = earn(folded, new) - earn(folded, old)
            if abs(true) < 0.01:
                continue
            n_candidates += 1
            looks = [one.weigh(folded.examination.curve, len(truth.pairs)) for one in (new, old)]
            raw = (folded.popularity * (looks[0] - looks[1]) * rate).sum()
            n_right += np.sign(gain.value) == np.sign(true)
            n_raw += np.sign(raw) == np.sign(true)

    assert n_candidates > 30
    assert n_right / n_candidates >= 0.9
    assert n_raw / n_candidates <= 0.75


def test_where_all_documents_attract_alike_no_order_is_better(fold_log):
    truth = draw_truth(np.random.default_rng(1))
    truth = replace(truth, attraction=np.full(len(truth.pairs), 0.2))
    folded, old = fold_log(truth, 5_000, 1), rank(truth, truth.score)
    rng = np.random.default_rng(2)
    news = [rank(truth, rng.standard_normal(len(truth.pairs))) for _ in range(20)]
    config = OffPolicyConfig(min_support=0.0)
    gains = estimate_gains(
        folded.logged, folded.examination, folded.flat_guess, [(new, old) for new in news], config
    )

    assert max(abs(gain.value) for gain in gains) < 0.03
    assert sum(gain.low > 0 for gain in gains) <= 1


def test_the_lower_bound_lies_below_the_truth_nearly_always(fold_log):
    is_below, is_naively_below = [], []
    for seed in range(30):
        truth = draw_truth(np.random.default_rng(seed))
        folded = fold_log(truth, 5_000, seed)
        scores = truth.score + np.random.default_rng(seed).normal(0, 0.05, len(truth.pairs))
        new, old = rank(truth, scores), rank(truth, truth.score)
        true = earn(folded, new) - earn(folded, old)
        for guess, below in ((folded.guess, is_below), (folded.flat_guess, is_naively_below)):
            gain = estimate_gain(folded.logged, folded.examination, guess, (new, old))
            below.append(gain.low <= true)

    assert np.mean(is_below) >= 0.9
    # Expecting the same of all documents forgets what production knows of those it put last.
    assert np.mean(is_naively_below) < 0.7
