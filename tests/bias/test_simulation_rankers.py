"""Rankers show the best first, and know the chance of what they tried."""

import numpy as np
import pytest

from rankloop.bias.simulation_rankers import RankerConfig, rank

SCORES = np.array([[0.1, 0.4, 0.3, 0.2]])


def test_the_best_stand_first_and_the_rest_is_cut():
    shown = rank(SCORES, 3, RankerConfig(), np.random.default_rng(1))
    assert shown.places.tolist() == [[1, 2, 3]]
    assert shown.logging_probability.tolist() == [[1.0, 1.0, 1.0]]


def test_a_share_of_lists_has_one_adjacent_pair_swapped():
    config = RankerConfig(swap_share=0.3)
    shown = rank(np.tile(SCORES, (50_000, 1)), 4, config, np.random.default_rng(1))
    plain = np.array([1, 2, 3, 0])
    moved = (shown.places != plain).sum(axis=1)
    assert set(moved.tolist()) == {0, 2}
    assert np.array_equal(moved == 2, shown.is_explored)
    assert shown.is_explored.mean() == pytest.approx(0.3, abs=0.01)


def test_logged_chances_are_the_frequencies():
    config = RankerConfig(swap_share=0.3)
    shown = rank(np.tile(SCORES, (100_000, 1)), 4, config, np.random.default_rng(2))
    for position in range(4):
        for place in range(4):
            held = shown.places[:, position] == place
            if held.any():
                chances = set(shown.logging_probability[held, position].round(9).tolist())
                assert len(chances) == 1
                assert held.mean() == pytest.approx(chances.pop(), abs=0.006)


def test_a_list_of_one_has_nothing_to_swap():
    scores = np.tile([[1.0, -np.inf]], (100, 1))
    shown = rank(scores, 2, RankerConfig(swap_share=1.0), np.random.default_rng(1))
    assert shown.places.tolist() == [[0, -1]] * 100
    assert (shown.logging_probability == 1).all()
    assert not shown.is_explored.any()


def test_a_page_longer_than_the_candidates_is_padded():
    shown = rank(np.array([[1.0, 2.0]]), 3, RankerConfig(), np.random.default_rng(1))
    assert shown.places.tolist() == [[1, 0, -1]]
