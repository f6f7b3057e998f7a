"""The exact network on pairs and tails is what enumerating everything latent gives."""

from itertools import product

import numpy as np
import pytest

from rankloop.bias.cells import Pairs
from rankloop.bias.dbn import DBNConfig, DynamicBayesianNetwork
from rankloop.bias.lists import Lists
from rankloop.bias.perplexity import measure_perplexity
from rankloop.bias.simplified_dbn import SimplifiedDBN
from rankloop.bias.simulation_truth import TruthConfig
from rankloop.bias.simulation_users import SatisfiableUsers
from rankloop.bias.tails import fold_tails
from rankloop.errors import SettingsError

K = 5
LATENT = np.array(list(product([0, 1], repeat=2 * K)))
READ, SATISFIED = LATENT[:, :K], LATENT[:, K:]
"""All 1,024 ways in which five places can be read and can satisfy."""


def enumerate_chances(a, s, gamma, clicks):
    """Return the joint chance of the clicks with each of `LATENT`."""
    chance = (READ[:, 0] == 1).astype(float)
    for k in range(K):
        by_click = np.where(READ[:, k] == 1, a[k] if clicks[k] else 1 - a[k], not clicks[k])
        by_ending = np.where(SATISFIED[:, k] == 1, s[k], 1 - s[k])
        chance = chance * by_click * (by_ending if clicks[k] else SATISFIED[:, k] == 0)
        if k + 1 < K:
            may_go_on = (READ[:, k] == 1) & (SATISFIED[:, k] == 0)
            on = np.where(READ[:, k + 1] == 1, gamma, 1 - gamma)
            chance = chance * np.where(may_go_on, on, READ[:, k + 1] == 0)
    return chance


def fit_by_enumeration(lists, n_rounds, config):
    """Fit by expectation maximization over every latent state of every list."""
    n_pairs = len(lists.numbering)
    a, s, gamma = np.full(n_pairs, 0.5), np.full(n_pairs, 0.5), 0.5
    likelihood = 0.0
    for _ in range(n_rounds):
        clicked, read = np.full(n_pairs, config.prior_clicks), np.zeros(n_pairs)
        read += config.prior_clicks + config.prior_skips
        ended, could = np.full(n_pairs, config.prior_endings), np.zeros(n_pairs)
        could += 2 * config.prior_endings
        on, might, likelihood = 1.0, 2.0, 0.0
        for pairs, clicks in zip(lists.pairs, lists.clicks, strict=True):
            joint = enumerate_chances(a[pairs], s[pairs], gamma, clicks)
            likelihood += np.log(joint.sum())
            posterior = joint / joint.sum()
            np.add.at(clicked, pairs, clicks)
            np.add.at(read, pairs, posterior @ READ)
            np.add.at(ended, pairs, posterior @ SATISFIED)
            np.add.at(could, pairs, clicks)
            on += (posterior @ READ[:, 1:]).sum()
            might += (posterior @ (READ * (1 - SATISFIED))[:, :-1]).sum()
        a, s, gamma = clicked / read, ended / could, on / might
    return a, s, gamma, likelihood


def test_pairs_and_tails_give_what_enumeration_gives(simulate):
    truth = TruthConfig(n_queries=8, n_documents=6, attraction=(1, 2))
    users = SatisfiableUsers(0.8)
    lists = simulate(users, n_searches=250, truth=truth, n_positions=K).run().lists
    config = DBNConfig(n_rounds=4, tolerance=0.0)
    model = DynamicBayesianNetwork.fit(fold_tails(lists), config)
    a, s, gamma, likelihood = fit_by_enumeration(lists, 4, config)
    assert model.attraction == pytest.approx(a, abs=1e-10)
    assert model.satisfaction == pytest.approx(s, abs=1e-10)
    assert model.continuation == pytest.approx(gamma, abs=1e-10)
    assert model.log_likelihood == pytest.approx(likelihood, abs=1e-9)


@pytest.fixture(scope="module")
def readers(simulate):
    """People who go on with chance 0.8, and the log of 60,000 searches they left."""
    truth = TruthConfig(n_queries=100, attraction=(1, 3))
    return simulate(SatisfiableUsers(0.8), n_searches=60_000, truth=truth, noise_sd=0.2)


def test_finds_how_people_go_on_are_attracted_and_satisfied(readers):
    lists = readers.run().lists
    model = DynamicBayesianNetwork.fit(fold_tails(lists))
    often = np.bincount(lists.pairs.ravel(), minlength=1_000) > 300
    clicks = np.bincount(lists.pairs[lists.clicks], minlength=1_000) > 300
    assert model.continuation == pytest.approx(0.8, abs=0.02)
    attraction = readers.truth.attraction
    assert np.abs(model.attraction - attraction)[often].mean() < 0.035
    assert np.abs(model.satisfaction - readers.truth.satisfaction)[clicks].mean() < 0.05


def test_the_simplified_network_fails_where_people_tire(readers):
    lists = readers.run().lists
    often = np.bincount(lists.pairs.ravel(), minlength=1_000) > 300
    naive = SimplifiedDBN.fit(fold_tails(lists))
    exact = DynamicBayesianNetwork.fit(fold_tails(lists))
    truth = readers.truth.attraction[often]
    error = np.abs(naive.attraction[often] - truth).mean()
    assert error > 2 * np.abs(exact.attraction[often] - truth).mean()
    assert naive.satisfaction.mean() > exact.satisfaction.mean() + 0.05


def test_predicts_its_people_better_than_the_simplified_one(readers):
    seen, unseen = readers.run(0, 45_000).lists, readers.run(45_000).lists
    tails = fold_tails(seen)
    exact, simplified = DynamicBayesianNetwork.fit(tails), SimplifiedDBN.fit(tails)
    ours = measure_perplexity(exact.predict_next_clicks(unseen), unseen).mean
    theirs = measure_perplexity(simplified.predict_next_clicks(unseen), unseen).mean
    assert ours < theirs


def test_each_round_makes_the_log_likelier(readers):
    tails = fold_tails(readers.run(0, 5_000).lists)
    likelihoods = [
        DynamicBayesianNetwork.fit(
            tails, DBNConfig(n_rounds=n, tolerance=0, prior_clicks=1e-9, prior_skips=1e-9)
        ).log_likelihood
        for n in (1, 2, 3, 6)
    ]
    assert likelihoods == sorted(likelihoods)


def test_short_lists_end_where_they_end():
    table = Pairs(np.zeros(2, int), np.array(["q"], object), np.array(["a", "b"], object))
    pairs = np.array([[0, -1], [0, 1], [1, 0]])
    lists = Lists(pairs, np.array([[1, 0], [0, 1], [0, 0]], dtype=bool), table)
    model = DynamicBayesianNetwork.fit(fold_tails(lists), DBNConfig(n_rounds=1))
    # Half chances at first. The unclicked list [b, a]: b is read; a with chance
    # 1/2 * 1/2 / (1/2 + 1/2 * 1/2) = 1/3. So a: 1 click of 2 1/3 readings, b: 1 of 2.
    assert model.attraction == pytest.approx([(1 + 0.2) / (2 + 1 / 3 + 1.2), 1.2 / 3.2])


@pytest.mark.parametrize(
    "values", [{"n_rounds": 0}, {"tolerance": -1.0}, {"prior_endings": 0.0}], ids=str
)
def test_settings_out_of_range_are_refused(values):
    with pytest.raises(SettingsError):
        DBNConfig(**values)
