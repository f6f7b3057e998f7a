"""The user browsing model finds a look for each previous click."""

import numpy as np
import pytest

from rankloop.bias.expectation import EMConfig
from rankloop.bias.lists import Lists
from rankloop.bias.pbm import PositionBasedModel
from rankloop.bias.perplexity import measure_cell_perplexity, measure_perplexity
from rankloop.bias.simulation_truth import TruthConfig
from rankloop.bias.simulation_users import BrowsingUsers
from rankloop.bias.ubm import UserBrowsingModel
from rankloop.errors import NotEnoughDataError, SettingsError, TableError

USERS = BrowsingUsers()


@pytest.fixture(scope="module")
def shop(simulate):
    """100 queries often asked by people who mind where they clicked last."""
    truth = TruthConfig(n_queries=100, attraction=(1, 3))
    return simulate(USERS, n_searches=200_000, truth=truth, noise_sd=0.2)


def test_finds_the_look_for_each_previous_click(shop):
    model = UserBrowsingModel.fit(shop.run().to_cells(), EMConfig(n_rounds=300))
    truth = USERS.examination(10)[:, :10]
    can_be = np.tril(np.ones((10, 10), dtype=bool))
    assert np.isnan(model.examination[~can_be]).all()
    assert model.examination[0, 0] == 1
    errors = np.abs(model.examination / truth - 1, where=can_be, out=np.zeros((10, 10)))
    assert errors[can_be].mean() < 0.06
    assert np.corrcoef(model.attraction, shop.truth.attraction)[0, 1] > 0.97


def test_click_through_below_a_click_is_not_the_look(shop):
    cells = shop.run().to_cells()
    none_above = cells.previous_click < 0
    n = np.bincount(cells.position[none_above], cells.n[none_above])
    clicks = np.bincount(cells.position[none_above], cells.clicks[none_above])
    naive = clicks / n / (clicks[0] / n[0])
    truth = USERS.examination(10)[:, 0]
    assert np.abs(naive / truth - 1)[1:].mean() > 0.25


def test_predicts_its_people_better_than_a_curve_by_position(shop):
    cells = shop.run(0, 150_000).to_cells()
    held_out = shop.run(150_000).to_cells()
    browsing, by_position = UserBrowsingModel.fit(cells), PositionBasedModel.fit(cells)
    ours = measure_cell_perplexity(browsing.predict_cells(held_out), held_out).mean
    theirs = measure_cell_perplexity(by_position.predict_cells(held_out), held_out).mean
    assert ours < theirs


def test_cells_are_predicted_as_lists_are(shop):
    log = shop.run(0, 2_000)
    cells = log.to_cells()
    model = UserBrowsingModel.fit(cells)
    by_list = measure_perplexity(model.predict_next_clicks(log.lists), log.lists)
    by_cell = measure_cell_perplexity(model.predict_cells(cells), cells)
    assert by_cell.by_position == pytest.approx(by_list.by_position)


def test_longer_lists_than_the_log_had_are_refused(shop):
    log = shop.run(0, 1_000)
    short = Lists(log.lists.pairs[:, :4], log.lists.clicks[:, :4], log.lists.numbering)
    model = UserBrowsingModel.fit(short.to_cells())
    with pytest.raises(TableError, match="lists have 10 places, the model knows 4"):
        model.predict_next_clicks(log.lists)


def test_a_curve_by_position_is_of_no_use(shop):
    with pytest.raises(SettingsError, match="examination by position"):
        UserBrowsingModel.fit(shop.run(0, 100).to_cells(), EMConfig(examination=(1.0,) * 10))


def test_a_log_that_never_shows_the_first_place_is_refused(shop):
    cells = shop.run(0, 1_000).to_cells()
    with pytest.raises(NotEnoughDataError, match="position 0"):
        UserBrowsingModel.fit(cells.select(cells.position > 0))
