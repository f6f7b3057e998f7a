"""Simulated logs, folded as estimates of gains read them."""

from __future__ import annotations

import numpy as np
import pytest

from rankloop.bias.estimates import estimate_propensities
from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.evaluation.logged_clicks import Examination, Guess, LoggedClicks

N_SHARDS = 64


class Folded:
    """One simulated log: its truth, its clicks, and what it says of examination."""

    def __init__(self, truth, n_searches, seed, n_people=2_000):
        simulation = Simulation(
            truth,
            ranker=RankerConfig(noise_sd=0.1),
            config=SimulationConfig(seed=seed, n_searches=n_searches, n_people=n_people),
        )
        cells = simulation.run().to_cells(N_SHARDS).sum_over("previous_click")
        self.truth = truth
        self.logged = LoggedClicks(
            query=truth.pairs.query,
            pair=cells.pair,
            position=cells.position.astype(np.int64),
            shard=cells.shard.astype(np.int64),
            n=cells.n.astype(np.float64),
            clicks=cells.clicks.astype(np.float64),
        )
        estimate = estimate_propensities(cells)
        curve, moves = estimate.propensities.examination, estimate.curve.spread.moves
        self.examination = Examination.from_moves(curve, moves[:, estimate.node_of])
        looks = self.logged.n * self.examination.curve[self.logged.position]
        rate = self.logged.clicks.sum() / looks.sum()
        # What a model of documents would say: attraction, but for an error of its own.
        rng = np.random.default_rng([seed, 1])
        error = np.exp(rng.normal(-0.08, 0.4, len(truth.pairs)))
        self.guess = Guess(np.maximum(truth.attraction * error, 1e-3), strength=20.0)
        self.flat_guess = Guess(np.full(len(truth.pairs), rate), strength=6.0)

    @property
    def popularity(self):
        """Share of the searches that each pair's query has, in this log."""
        return (self.logged.searches / self.logged.searches.sum())[self.truth.pairs.query]


@pytest.fixture(scope="session")
def fold_log():
    """Return what simulates and folds a log."""
    return Folded
