"""Guesses: learned from other queries, and low where nobody ever looked and nothing is known."""

import numpy as np
import pytest

from rankloop.errors import NotEnoughDataError, TableError
from rankloop.evaluation.logged_clicks import LoggedClicks
from rankloop.training.guesses import MAX_STRENGTH, UNSEEN_SHARE, fit_guess

KEYS = [f"q{number}" for number in range(60)]
CURVE = np.array([1.0, 0.5])


def sixty_queries(rng):
    """Good and bad documents at both positions, and a third document that is never shown."""
    query = np.repeat(np.arange(60), 3)
    pair = np.concatenate([np.arange(0, 180, 3), np.arange(1, 180, 3)])
    pair = np.concatenate([pair, pair])
    position = np.repeat([0, 1, 1, 0], 60)
    n = np.full(pair.size, 50.0)
    is_good = pair % 3 == 0
    chance = np.where(is_good, 0.6, 0.1) * CURVE[position]
    clicks = rng.binomial(50, chance).astype(float)
    return LoggedClicks(query, pair, position, np.zeros_like(pair), n, clicks)


def test_a_guess_from_features_finds_what_kinds_of_documents_attract():
    logged = sixty_queries(np.random.default_rng(1))
    kind = (np.arange(180) % 3 == 0).astype(float)
    guess = fit_guess(logged, CURVE, KEYS, kind[:, None])

    assert guess.mean[kind == 1].mean() == pytest.approx(0.6, abs=0.05)
    assert guess.mean[1::3].mean() == pytest.approx(0.1, abs=0.05)
    # What was never shown is guessed by its features.
    assert guess.mean[2::3].mean() == pytest.approx(0.1, abs=0.05)


def test_attractions_scatter_around_a_good_guess_less():
    logged = sixty_queries(np.random.default_rng(1))
    kind = (np.arange(180) % 3 == 0).astype(float)
    knowing = fit_guess(logged, CURVE, KEYS, kind[:, None])
    ignorant = fit_guess(logged, CURVE, KEYS, np.zeros((180, 1)))

    assert knowing.strength == MAX_STRENGTH
    assert ignorant.strength < 5


def test_no_guess_counts_for_more_than_some_looks_at_a_pair():
    logged = sixty_queries(np.random.default_rng(1))
    kind = (np.arange(180) % 3 == 0).astype(float)

    # Attraction is what the features say, but no log of a few clicks could show that.
    assert fit_guess(logged, CURVE, KEYS, kind[:, None]).strength <= MAX_STRENGTH


def test_without_features_what_nobody_looked_at_is_expected_to_be_worse():
    guess = fit_guess(sixty_queries(np.random.default_rng(1)), CURVE, KEYS)

    assert guess.mean[2::3].max() <= UNSEEN_SHARE * guess.mean[1::3].max() + 1e-9
    assert guess.mean[0::3].mean() > guess.mean[2::3].mean()


def test_a_query_is_guessed_without_its_own_clicks():
    logged = sixty_queries(np.random.default_rng(1))
    features = np.random.default_rng(2).standard_normal((180, 2))
    clicks = logged.clicks.copy()
    clicks[logged.query[logged.pair] == 7] = 0.0
    silent = LoggedClicks(
        logged.query, logged.pair, logged.position, logged.shard, logged.n, clicks
    )

    before, after = (fit_guess(one, CURVE, KEYS, features).mean for one in (logged, silent))
    assert np.array_equal(before[21:24], after[21:24])


def test_a_log_without_clicks_or_of_one_query_is_no_ground():
    logged = sixty_queries(np.random.default_rng(1))
    none = LoggedClicks(
        logged.query, logged.pair, logged.position, logged.shard, logged.n, 0 * logged.clicks
    )
    with pytest.raises(NotEnoughDataError, match="nothing was clicked"):
        fit_guess(none, CURVE, KEYS)
    rows = logged.query[logged.pair] == 0
    one = LoggedClicks(
        logged.query[:3],
        *(
            column[rows]
            for column in (logged.pair, logged.position, logged.shard, logged.n, logged.clicks)
        ),
    )
    with pytest.raises(NotEnoughDataError, match="on one query"):
        fit_guess(one, CURVE, KEYS[:1])


def test_features_have_a_row_for_each_pair():
    with pytest.raises(TableError, match="features has 3 rows for 180 pairs"):
        fit_guess(sixty_queries(np.random.default_rng(1)), CURVE, KEYS, np.zeros((3, 1)))
