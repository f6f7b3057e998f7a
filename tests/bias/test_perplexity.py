"""Perplexity is two for a coin, one for a prophet, and finite after a surprise."""

import numpy as np
import pytest

from rankloop.bias.cells import Pairs
from rankloop.bias.lists import Lists
from rankloop.bias.perplexity import measure_cell_perplexity, measure_perplexity
from rankloop.errors import NotEnoughDataError, TableError

TABLE = Pairs(np.zeros(2, int), np.array(["q"], object), np.array(["a", "b"], object))
LISTS = Lists(np.array([[0, 1], [0, -1]]), np.array([[True, False], [False, False]]), TABLE)


def test_it_is_two_to_the_mean_surprise_at_each_position():
    found = measure_perplexity(np.array([[0.5, 0.2], [0.25, 0.0]]), LISTS)
    first = 2 ** -((np.log2(0.5) + np.log2(0.75)) / 2)
    assert found.by_position == pytest.approx([first, 1 / 0.8])
    assert found.mean == pytest.approx((first + 1.25) / 2)


def test_a_coin_is_surprised_by_two():
    assert measure_perplexity(np.full((2, 2), 0.5), LISTS).mean == pytest.approx(2)


def test_one_surprise_is_not_infinite():
    assert measure_perplexity(np.zeros((2, 2)), LISTS).by_position[0] == pytest.approx(1000)


def test_a_position_that_was_not_shown_is_in_no_mean():
    lists = Lists(np.array([[0, -1]]), np.zeros((1, 2), dtype=bool), TABLE)
    found = measure_perplexity(np.full((1, 2), 0.5), lists)
    assert np.isnan(found.by_position[1])
    assert found.mean == pytest.approx(2)


def test_the_true_chances_surprise_least(simulate):
    simulation = simulate(n_searches=20_000)
    lists = simulation.run().lists
    true = simulation.truth.attraction[lists.pairs] / np.arange(1, 11)
    least = measure_perplexity(true, lists).mean
    for wrong in (true * 0.7, true * 1.3, true**1.2):
        assert measure_perplexity(wrong, lists).mean > least


def test_nothing_shown_is_refused():
    nothing = LISTS.select(slice(0))
    with pytest.raises(NotEnoughDataError):
        measure_perplexity(np.zeros((0, 2)), nothing)


def test_predictions_of_another_shape_are_refused():
    with pytest.raises(TableError, match="predictions are"):
        measure_perplexity(np.zeros((2, 3)), LISTS)
    with pytest.raises(TableError, match="predictions are"):
        measure_cell_perplexity(np.zeros(1), LISTS.to_cells())
