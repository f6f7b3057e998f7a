"""Models on cells are the textbook's models on lists, to the tenth decimal."""

import numpy as np
import pytest

from rankloop.benchmarks.peer_click_models import fit_pbm, fit_ubm, to_plain
from rankloop.bias.cells import Pairs
from rankloop.bias.expectation import EMConfig
from rankloop.bias.lists import Lists
from rankloop.bias.pbm import PositionBasedModel
from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.bias.simulation_truth import TruthConfig, draw_truth
from rankloop.bias.simulation_users import BrowsingUsers
from rankloop.bias.ubm import UserBrowsingModel

CONFIG = EMConfig(n_rounds=20, tolerance=0.0, prior_clicks=1.0, prior_skips=1.0, n_starts=1)


@pytest.fixture(scope="module")
def lists():
    """Lists of ten, some cut short, whose readers mind where they clicked last."""
    truth = draw_truth(np.random.default_rng(1), TruthConfig(n_queries=80, attraction=(1, 3)))
    config = SimulationConfig(n_searches=3_000)
    whole = Simulation(truth, BrowsingUsers(), RankerConfig(0.2), config).run().lists
    length = np.random.default_rng(2).integers(3, 11, len(whole))
    is_held = np.arange(10) < length[:, None]
    return Lists(np.where(is_held, whole.pairs, -1), whole.clicks & is_held, whole.numbering)


def test_the_position_based_model_on_cells_is_the_one_on_lists(lists):
    model = PositionBasedModel.fit(lists.to_cells(), CONFIG)
    attraction, examination = fit_pbm(to_plain(lists), 20)
    first = examination[0]
    for position in range(10):
        found = model.examination[position]
        assert found == pytest.approx(examination[position] / first, abs=1e-10)
    for pair, expected in attraction.items():
        assert model.attraction[pair] == pytest.approx(expected * first, abs=1e-10)


def test_the_user_browsing_model_on_cells_is_the_one_on_lists(lists):
    model = UserBrowsingModel.fit(lists.to_cells(), CONFIG)
    attraction, examination = fit_ubm(to_plain(lists), 20)
    first = examination[0]
    assert len(examination) == 55
    for look, expected in examination.items():
        found = model.examination[look // 1000, look % 1000]
        assert found == pytest.approx(expected / first, abs=1e-10)
    for pair, expected in attraction.items():
        assert model.attraction[pair] == pytest.approx(expected * first, abs=1e-10)


def test_one_round_is_what_one_works_out_by_hand():
    table = Pairs(np.zeros(1, int), np.array(["q"], object), np.array(["a"], object))
    lists = Lists(np.zeros((2, 1), int), np.array([[True], [False]]), table)
    attraction, examination = fit_pbm(to_plain(lists), 1)
    # A click counts 1; no click (1 - 1/2) 1/2 / (1 - 1/4) = 1/3; the prior 1 of 2.
    assert attraction[0] == pytest.approx((1 + 1 + 1 / 3) / 4)
    assert examination[0] == pytest.approx((1 + 1 + 1 / 3) / 4)
