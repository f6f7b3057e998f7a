"""Simulated logs that several tests of this room read."""

from __future__ import annotations

import numpy as np
import pytest

from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.bias.simulation_truth import TruthConfig, draw_truth


@pytest.fixture(scope="session")
def simulate():
    """Return what simulates people of a kind before a ranker with moderate noise."""

    def build(users=None, n_searches=50_000, noise_sd=0.1, truth=None, seed=1, **config):
        truth = draw_truth(np.random.default_rng(seed), truth or TruthConfig())
        settings = SimulationConfig(seed=seed, n_searches=n_searches, **config)
        return Simulation(truth, users, RankerConfig(noise_sd=noise_sd), settings)

    return build
