"""A graded collection with a weak production ranker, and candidates whose true gain is known."""

from __future__ import annotations

import gzip

import lightgbm
import numpy as np
import pytest

from rankloop.bias.estimates import estimate_propensities
from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.bias.simulation_truth import GradeConfig, build_truth
from rankloop.evaluation.logged_clicks import Examination, LoggedClicks, Placement
from rankloop.evaluation.off_policy import OffPolicyConfig, estimate_gains
from rankloop.evaluation.off_policy_sums import rank_within
from rankloop.training.guesses import fit_guess

N_SHARDS = 64
N_TAUGHT = 20
NOISE_SD = 0.3
"""What each search adds to each score of production, whose scores have a deviation of 0.83."""

_PARAMETERS = {
    "objective": "lambdarank",
    "num_leaves": 7,
    "min_data_in_leaf": 5,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
}


def read_letor(folder, part):
    """Read grades, features and the number of documents of each query."""
    sizes = np.loadtxt(folder / f"rank.{part}.query", dtype=int)
    grades, rows = [], []
    with gzip.open(folder / f"rank.{part}.gz", "rt") as lines:
        for line in lines:
            grade, *fields = line.split()
            row = np.zeros(301)
            for field in fields:
                number, value = field.split(":")
                row[int(number)] = float(value)
            grades.append(int(grade))
            rows.append(row)
    return np.array(grades), np.array(rows), sizes


def fit_ranker(data, queries, n_rounds, **parameters):
    """Train a ranker on the true grades of some queries."""
    grades, features, sizes = data
    starts = np.cumsum(sizes) - sizes
    rows = np.concatenate([np.arange(starts[q], starts[q] + sizes[q]) for q in queries])
    taught = lightgbm.Dataset(features[rows], grades[rows], group=sizes[queries])
    return lightgbm.train({**_PARAMETERS, **parameters}, taught, n_rounds)


def standardize(values):
    """Return values with mean 0 and deviation 1."""
    return (values - values.mean()) / values.std()


class Shop:
    """181 queries that people ask, and a production ranker that learned from 20 others."""

    def __init__(self, folder):
        train, test = (read_letor(folder, part) for part in ("train", "test"))
        begin = int(train[2][:N_TAUGHT].sum())
        self.grades, self.features = train[0][begin:], train[1][begin:]
        sizes = train[2][N_TAUGHT:]
        self.query = np.repeat(np.arange(sizes.size), sizes)
        production = fit_ranker(train, np.arange(N_TAUGHT), 30)
        self.score = production.predict(self.features, num_threads=1)
        self.truth = build_truth(self.query, self.grades, self.score, GradeConfig(noise=0.1))
        self.gain = 2.0**self.grades - 1
        ideal = np.bincount(self.query, self.earn(self.gain))
        self.ideal = np.where(ideal > 0, ideal, np.inf)
        self.helpers = []
        rng = np.random.default_rng(1)
        for seed in range(8):
            taught = rng.choice(50, 35, replace=False)
            drawn = {"seed": seed, "bagging_fraction": 0.7, "bagging_freq": 1}
            helper = fit_ranker(test, taught, 40, feature_fraction=0.5, **drawn)
            self.helpers.append(standardize(helper.predict(self.features, num_threads=1)))

    def earn(self, scores):
        """Return what each document earns of DCG@10 when its query is ranked by scores."""
        position = rank_within(self.query, scores)
        return np.where(position < 10, self.gain / np.log2(position + 2), 0.0)

    def ndcg(self, scores):
        """Return the mean nDCG@10 over queries with a relevant document."""
        values = np.bincount(self.query, self.earn(scores)) / self.ideal
        return float(values[np.isfinite(self.ideal)].mean())

    def true_gain(self, scores):
        """Return by how much scores beat production in nDCG@10 on the true grades."""
        return self.ndcg(scores) - self.ndcg(self.score)

    def place(self, scores):
        """Rank by scores."""
        return Placement.fixed(rank_within(self.query, scores))

    def draw(self, rng):
        """Draw a ranker: production, with some of a helper's knowledge and errors of its own."""
        helper = self.helpers[rng.integers(len(self.helpers))]
        error = rng.uniform(0.2, 1.2) * rng.standard_normal(self.query.size)
        return standardize(self.score) + error, helper

    def draw_near(self, rng, target, margin=0.001):
        """Draw a ranker whose true gain is within a margin of a target."""
        while True:
            base, helper = self.draw(rng)
            for share in rng.permutation(np.linspace(0, 3, 61)):
                scores = base + share * helper
                if abs(self.true_gain(scores) - target) <= margin:
                    return scores

    def draw_far(self, rng):
        """Draw a ranker that may be much better than production, or much worse."""
        helper = self.helpers[rng.integers(len(self.helpers))]
        error = rng.uniform(0.2, 1.5) * rng.standard_normal(self.query.size)
        known = rng.uniform(0, 1) * standardize(self.score) + rng.uniform(0, 1.5) * helper
        return known + error

    def log(self, n_searches, seed, users=None, noise_sd=NOISE_SD):
        """Let people search, and fold what they clicked."""
        simulation = Simulation(
            self.truth,
            users,
            RankerConfig(noise_sd=noise_sd),
            SimulationConfig(seed=seed, n_searches=n_searches, n_people=max(500, n_searches // 5)),
        )
        return ShopLog(self, simulation.run().to_cells(N_SHARDS).sum_over("previous_click"))


class ShopLog:
    """One log of the shop: what the gate is given, nothing of the truth."""

    def __init__(self, shop, cells):
        self.shop = shop
        self.logged = LoggedClicks(
            query=shop.query,
            pair=cells.pair,
            position=cells.position.astype(np.int64),
            shard=cells.shard.astype(np.int64),
            n=cells.n.astype(np.float64),
            clicks=cells.clicks.astype(np.float64),
        )
        estimate = estimate_propensities(cells)
        moves = estimate.curve.spread.moves[:, estimate.node_of]
        self.examination = Examination.from_moves(estimate.propensities.examination, moves)
        keys = [str(key) for key in shop.truth.pairs.query_keys]
        content = np.column_stack([shop.features, shop.score])
        self.guess = fit_guess(self.logged, self.examination.curve, keys, content)
        self.blind_guess = fit_guess(self.logged, self.examination.curve, keys)

    def gains(self, candidates, estimator="dr", config=None, guess=None):
        """Estimate what candidates would earn beyond production."""
        old = self.shop.place(self.shop.score)
        return estimate_gains(
            self.logged,
            self.examination,
            guess or self.guess,
            [(self.shop.place(scores), old) for scores in candidates],
            config or OffPolicyConfig(),
            estimator,
        )

    def replay(self, candidates):
        """Return what naive replay says: the click rates of documents, where they stand now."""
        logged, curve = self.logged, self.examination.curve
        n_pairs = logged.n_pairs
        shown = np.maximum(np.bincount(logged.pair, logged.n, n_pairs), 1)
        rate = np.bincount(logged.pair, logged.clicks, n_pairs) / shown
        old = self.shop.place(self.shop.score).weigh(curve, n_pairs)
        return [
            float((rate * (self.shop.place(scores).weigh(curve, n_pairs) - old)).sum())
            for scores in candidates
        ]


@pytest.fixture(scope="session")
def shop(shared_data):
    """Return the collection with its production ranker."""
    folder = shared_data / "lambdarank"
    if not folder.is_dir():
        pytest.skip(f"the graded queries are absent: {folder}")
    return Shop(folder)
