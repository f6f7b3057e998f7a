"""The position-based model finds a known curve, and says when it made one up."""

import numpy as np
import pytest

from rankloop.bias.expectation import EMConfig
from rankloop.bias.lists import Lists
from rankloop.bias.pbm import PositionBasedModel
from rankloop.bias.perplexity import measure_cell_perplexity
from rankloop.bias.simulation_truth import TruthConfig
from rankloop.bias.simulation_users import PositionUsers
from rankloop.errors import NotEnoughDataError, SettingsError, TableError

TRUTH = 1 / np.arange(1, 11)


@pytest.fixture(scope="module")
def shop(simulate):
    """100 queries often asked, in an order that varies."""
    return simulate(n_searches=100_000, truth=TruthConfig(n_queries=100))


def relative_error(examination):
    return np.abs(examination[1:] / TRUTH[1:] - 1).mean()


def test_finds_the_curve_and_the_attractions(shop):
    model = PositionBasedModel.fit(shop.run().to_cells(), EMConfig(n_rounds=300))
    assert model.examination[0] == 1
    assert relative_error(model.examination) < 0.06
    assert np.corrcoef(model.attraction, shop.truth.attraction)[0, 1] > 0.95
    assert model.start_difference < 0.02


def test_click_through_is_not_the_curve(shop):
    clicks = shop.run().lists.clicks.mean(axis=0)
    assert relative_error(clicks / clicks[0]) > 0.5


def test_finds_a_curve_that_is_not_monotone(simulate):
    curve = (1.0, 0.4, 0.7, 0.3, 0.5)
    truth = TruthConfig(n_queries=100, n_documents=5)
    log = simulate(PositionUsers(curve), n_searches=100_000, truth=truth, n_positions=5).run()
    model = PositionBasedModel.fit(log.to_cells(), EMConfig(n_rounds=300))
    assert model.examination == pytest.approx(curve, rel=0.1)


def test_a_prior_of_one_half_bends_the_curve(simulate):
    cells = simulate(n_searches=50_000).run().to_cells()
    usual = PositionBasedModel.fit(cells)
    textbook = PositionBasedModel.fit(cells, EMConfig(prior_clicks=1.0, prior_skips=1.0))
    assert relative_error(usual.examination) < 0.1
    assert relative_error(textbook.examination) > 0.25


def test_frozen_rankings_give_a_curve_made_of_the_start(simulate):
    cells = simulate(n_searches=100_000, noise_sd=0.0).run().to_cells()
    model = PositionBasedModel.fit(cells, EMConfig(n_rounds=200))
    assert model.start_difference > 0.05


def test_perplexity_does_not_tell_a_wrong_curve(simulate):
    simulation = simulate(n_searches=120_000)
    seen, unseen = simulation.run(0, 60_000), simulation.run(60_000)
    cells, held_out = seen.to_cells(), unseen.to_cells()
    right = PositionBasedModel.fit(cells, EMConfig(examination=tuple(TRUTH)))
    wrong = PositionBasedModel.fit(cells, EMConfig(prior_clicks=1.0, prior_skips=1.0))
    assert relative_error(wrong.examination) > 0.2
    perplexities = [
        measure_cell_perplexity(model.predict_cells(held_out), held_out).mean
        for model in (right, wrong)
    ]
    assert perplexities[1] == pytest.approx(perplexities[0], rel=0.01)


def test_a_known_curve_is_kept_and_attractions_fit_to_it(shop):
    cells = shop.run().to_cells()
    model = PositionBasedModel.fit(cells, EMConfig(n_rounds=500, examination=tuple(TRUTH)))
    assert model.examination.tolist() == TRUTH.tolist()
    assert np.isnan(model.start_difference)
    expected = np.bincount(cells.pair, cells.n * TRUTH[cells.position])
    well_seen = expected > 400
    assert well_seen.sum() > 50
    coec = np.bincount(cells.pair, cells.clicks)[well_seen] / expected[well_seen]
    assert model.attraction[well_seen] == pytest.approx(coec, abs=0.03)


def test_a_place_may_be_looked_at_more_than_the_first(simulate):
    truth = TruthConfig(n_queries=20, n_documents=2)
    users = PositionUsers((0.4, 0.8))
    log = simulate(users, n_searches=50_000, truth=truth, n_positions=2, noise_sd=0.3).run()
    free = PositionBasedModel.fit(log.to_cells(), EMConfig(n_rounds=1_000, tolerance=0))
    assert free.examination == pytest.approx([1, 2], rel=0.1)
    known = PositionBasedModel.fit(log.to_cells(), EMConfig(n_rounds=1_000, examination=(1, 2)))
    assert known.attraction == pytest.approx(free.attraction, abs=0.05)
    assert known.predict_clicks(log.lists.pairs).mean(axis=0) == pytest.approx(
        log.lists.clicks.mean(axis=0), rel=0.05
    )


def test_cells_are_predicted_as_lists_are(shop):
    log = shop.run(0, 1_000)
    cells = log.to_cells()
    model = PositionBasedModel.fit(cells)
    by_cell = measure_cell_perplexity(model.predict_cells(cells), cells).mean
    assert by_cell > 1
    predicted = model.predict_clicks(log.lists.pairs)
    assert (cells.n * model.predict_cells(cells)).sum() == pytest.approx(predicted.sum())
    assert np.array_equal(predicted, model.predict_next_clicks(log.lists))


def test_longer_lists_than_the_log_had_are_refused(shop):
    log = shop.run(0, 1_000)
    short = Lists(log.lists.pairs[:, :4], log.lists.clicks[:, :4], log.lists.numbering)
    model = PositionBasedModel.fit(short.to_cells())
    with pytest.raises(TableError, match="lists have 10 places, the model knows 4"):
        model.predict_clicks(log.lists.pairs)


def test_a_log_that_never_shows_the_first_place_is_refused(shop):
    cells = shop.run(0, 1_000).to_cells()
    with pytest.raises(NotEnoughDataError, match="position 0"):
        PositionBasedModel.fit(cells.select(cells.position > 0))


def test_a_known_curve_must_be_as_long_as_the_lists(shop):
    with pytest.raises(TableError, match="examination has 2 positions, the log 10"):
        PositionBasedModel.fit(shop.run(0, 1_000).to_cells(), EMConfig(examination=(1.0, 0.5)))


@pytest.mark.parametrize(
    "values",
    [
        {"n_rounds": 0},
        {"n_starts": 3},
        {"tolerance": -1.0},
        {"prior_clicks": 0.0},
        {"examination": (1.0, 0.0)},
    ],
    ids=lambda values: next(iter(values)),
)
def test_settings_out_of_range_are_refused(values):
    with pytest.raises(SettingsError):
        EMConfig(**values)
