"""Models of reading from the top: the cascade, the dependent clicks, the simplified network."""

import numpy as np
import pytest

from rankloop.bias.base import PriorConfig
from rankloop.bias.cascade import CascadeModel
from rankloop.bias.dcm import DependentClickModel
from rankloop.bias.lists import Lists
from rankloop.bias.simplified_dbn import SimplifiedDBN
from rankloop.bias.simulation_truth import TruthConfig
from rankloop.bias.simulation_users import CascadeUsers, SatisfiableUsers
from rankloop.bias.tails import fold_tails
from rankloop.errors import SettingsError, TableError

NO_PRIOR = PriorConfig(1e-9, 1e-9)
TRUTH = TruthConfig(n_queries=100, attraction=(1, 3), satisfaction=(8, 2))


def mean_errors(simulation, model):
    """Return the mean error of a model and of click-through, for pairs that were often shown."""
    lists = simulation.run().lists
    n = np.bincount(lists.pairs.ravel(), minlength=len(lists.numbering))
    clicks = np.bincount(lists.pairs[lists.clicks], minlength=n.size)
    often = n > 500
    truth = simulation.truth.attraction[often]
    naive = np.abs(clicks[often] / n[often] - truth).mean()
    return np.abs(model.attraction[often] - truth).mean(), naive


def test_the_cascade_finds_the_attractions_of_people_who_click_once(simulate):
    simulation = simulate(CascadeUsers(), n_searches=100_000, truth=TRUTH, noise_sd=0.2)
    model = CascadeModel.fit(simulation.run().to_cells())
    error, naive = mean_errors(simulation, model)
    assert error < 0.03
    assert naive > 4 * error


def test_the_cascade_reads_first_clicks_alone(simulate):
    lists = simulate(CascadeUsers((0.5,) * 10), n_searches=5_000, truth=TRUTH).run().lists
    is_first = lists.clicks & (lists.previous_clicks() < 0)
    first = Lists(lists.pairs, is_first, lists.numbering)
    one, other = CascadeModel.fit(lists.to_cells()), CascadeModel.fit(first.to_cells())
    assert one.attraction.tolist() == other.attraction.tolist()


def test_dependent_clicks_find_how_people_go_on(simulate):
    go_on = (0.3, 0.2, 0.2, 0.1, 0.1)
    users = CascadeUsers(go_on)
    truth = TruthConfig(n_queries=100, n_documents=20, attraction=(6, 6))
    simulation = simulate(users, n_searches=100_000, truth=truth, n_positions=5)
    model = DependentClickModel.fit(fold_tails(simulation.run().lists))
    error, naive = mean_errors(simulation, model)
    # Who reads on and finds nothing is taken to have stopped: the first place is told best.
    assert 0.8 * go_on[0] < model.continuation[0] < go_on[0]
    assert (model.continuation < np.array(go_on) + 0.01).all()
    assert naive > 4 * error


def test_the_simplified_network_finds_attraction_and_satisfaction(simulate):
    simulation = simulate(SatisfiableUsers(1.0), n_searches=100_000, truth=TRUTH, noise_sd=0.2)
    tails = fold_tails(simulation.run().lists)
    model = SimplifiedDBN.fit(tails)
    error, naive = mean_errors(simulation, model)
    assert naive > 2 * error
    often = tails.clicks > 300
    satisfied = simulation.truth.satisfaction[often]
    assert (model.satisfaction[often] - satisfied).mean() == pytest.approx(0.05, abs=0.05)


def test_the_simplified_network_is_no_better_than_counting_where_clicks_rarely_satisfy(simulate):
    truth = TruthConfig(n_queries=100, attraction=(1, 3), satisfaction=(2, 8))
    simulation = simulate(SatisfiableUsers(1.0), n_searches=100_000, truth=truth, noise_sd=0.2)
    model = SimplifiedDBN.fit(fold_tails(simulation.run().lists))
    error, naive = mean_errors(simulation, model)
    assert error > 0.8 * naive


def test_longer_lists_than_the_log_had_are_refused(simulate):
    lists = simulate(CascadeUsers(), n_searches=500).run().lists
    short = Lists(lists.pairs[:, :4], lists.clicks[:, :4], lists.numbering)
    model = DependentClickModel.fit(fold_tails(short))
    with pytest.raises(TableError, match="lists have 10 places, the model knows 4"):
        model.predict_clicks(lists.pairs)


def test_a_prior_of_nothing_is_refused():
    with pytest.raises(SettingsError):
        PriorConfig(prior_clicks=0.0)
