"""Rankers learned from simulated clicks, measured on the true grades of queries never asked.

    pytest tests/training/test_ranker_study.py --nightly -rP -n 0

prints the tables of the method card. Everything a ranker is told comes from the simulated log,
examination included: it is estimated by the estimator that serves.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_rel

from rankloop.bias.estimates import estimate_propensities
from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig as NoiseConfig
from rankloop.bias.simulation_truth import GradeConfig, build_truth
from rankloop.bias.simulation_users import BrowsingUsers, PositionUsers, TrustingUsers
from rankloop.evaluation.measures import evaluate
from rankloop.evaluation.rankings import Judgments, Ranking
from rankloop.training.labels import fit_labels
from rankloop.training.ranker_rows import build_rows
from rankloop.training.rankers import RankerConfig, train_rankers
from rankloop.training.trees import Lesson, TreeConfig, grow, to_grades

MEASURE = "nDCG(gains={1:1,2:3,3:7,4:15})@10"
USERS = {
    "position": PositionUsers(),
    "trust": TrustingUsers(),
    "browsing": BrowsingUsers(),
}
WAYS = (
    "production",
    "naive clicks",
    "rates",
    "blend_25",
    "blend_50",
    "blend_75",
    "order",
    "positions",
    "true grades",
)
TREES = TreeConfig()
N_SEEDS = 10
SIZES = (2_000, 20_000, 200_000)


class Graded:
    """Graded documents of some queries, with features."""

    def __init__(self, grades, features, sizes):
        self.grades, self.features, self.sizes = grades, features, sizes
        self.query = np.repeat(np.arange(sizes.size), sizes)
        # LambdaMART's own gains of grades 0 to 4, on its scale of 30.
        self.gains = 2 * (2.0**grades - 1)
        self.keys = np.char.mod("q%04d", self.query)
        self.names = np.char.mod("d%06d", np.arange(grades.size))

    def measure(self, scores):
        """Return the mean nDCG@10 of an order by score, gains 2^grade - 1."""
        judged = Judgments(self.keys, self.names, self.grades)
        ranking = Ranking.from_scores(self.keys, self.names, scores)
        return evaluate(judged, ranking, [MEASURE]).means()[MEASURE]

    def learn(self, target, kept, seed=1, trees=TREES, features=None):
        """Grow LambdaMART on any target of some rows."""
        lesson = Lesson(
            "lambdarank",
            (self.features if features is None else features)[kept],
            target[kept],
            np.ones(int(kept.sum())),
            self.query[kept],
            self.query[kept],
        )
        return grow(lesson, trees, seed, trees.n_order_trees)


@pytest.fixture(scope="module")
def sets(read_graded):
    return Graded(*read_graded("train")), Graded(*read_graded("test"))


def serve(taught, seed):
    """Train production on true grades of twenty queries."""
    chosen = np.random.default_rng([seed, 20]).choice(taught.sizes.size, 20, replace=False)
    trees = TreeConfig(
        n_order_trees=30, learning_rate=0.1, min_rows=5, feature_share=1, row_share=1
    )
    return taught.learn(taught.gains, np.isin(taught.query, chosen), seed, trees)


def simulate(taught, scores, users, n_searches, seed):
    """Let people search by scores that vary, and fold what they do into rows."""
    truth = build_truth(taught.query, taught.grades, scores, GradeConfig(noise=0.1))
    settings = SimulationConfig(seed=seed, n_searches=n_searches)
    simulation = Simulation(truth, USERS[users], NoiseConfig(noise_sd=0.3), settings)
    cells = simulation.run().to_cells(n_shards=64)
    examination = estimate_propensities(cells).propensities.examination
    labels = fit_labels(cells, examination, features=taught.features)
    names = ["score", *(f"f{number}" for number in range(taught.features.shape[1]))]
    return build_rows(labels, np.column_stack([scores, taught.features]), names, "score")


def measure_ways(sets, users, n_searches, seed, is_quick=False):
    """Learn from a log in every way, and measure on queries that were never asked."""
    taught, asked = sets
    production = serve(taught, seed)
    unit = production.predict(taught.features).std()
    served = production.predict(asked.features) / unit
    wanted = np.column_stack([served, asked.features])
    scores = production.predict(taught.features) / unit
    rows = simulate(taught, scores, users, n_searches, seed)
    found = {"production": asked.measure(served)}
    rate = rows.clicks / np.maximum(rows.impressions, 1)
    naive = taught.learn(to_grades(rate), rows.impressions > 0, seed, features=rows.features)
    found["naive clicks"] = asked.measure(naive.predict(wanted))
    config = RankerConfig(blends=(), has_challengers=False) if is_quick else RankerConfig()
    for one in train_rankers(rows, config, seed):
        found[one.name] = asked.measure(one.ranker.score(wanted))
    if not is_quick:
        best = taught.learn(taught.gains, np.ones(taught.grades.size, dtype=bool), seed)
        found["true grades"] = asked.measure(best.predict(asked.features))
    return found


def collect(sets, users, n_searches, n_seeds, is_quick=False):
    """Return `[n_seeds]` values by way to rank."""
    runs = [measure_ways(sets, users, n_searches, seed, is_quick) for seed in range(n_seeds)]
    return {way: np.array([run[way] for run in runs]) for way in WAYS if way in runs[0]}


def close_gap(found, way):
    """Return the share of the way from production to true grades."""
    base = found["production"].mean()
    return (found[way].mean() - base) / (found["true grades"].mean() - base)


def write_table(results):
    """Write means with standard errors, and the share of the gap closed."""
    head = [f"{N_SEEDS} seeds", *(f"{users}, {n:,}" for users, n in results)]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for way in WAYS:
        cells = []
        for found in results.values():
            error = found[way].std(ddof=1) / np.sqrt(N_SEEDS)
            cells.append(f"{found[way].mean():.3f} ± {error:.3f} ({close_gap(found, way):.0%})")
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


@pytest.mark.slow
def test_rates_beat_raw_clicks_at_20000_searches_and_production_at_2000(sets):
    many = collect(sets, "position", 20_000, 3, is_quick=True)
    few = collect(sets, "position", 2_000, 3, is_quick=True)
    assert many["rates"].mean() >= many["naive clicks"].mean() + 0.02
    assert many["rates"].mean() >= many["production"].mean() + 0.02
    assert few["rates"].mean() >= few["production"].mean()


@pytest.mark.nightly
@pytest.mark.parametrize("users", USERS)
def test_what_ten_seeds_show(sets, users):
    results = {(users, n): collect(sets, users, n, N_SEEDS) for n in SIZES}
    print(write_table(results))  # noqa: T201 it is what `-rP` shows
    if users == "position":
        few, many = (results[users, n] for n in SIZES[:2])
        assert many["rates"].mean() >= 0.743
        assert close_gap(many, "rates") >= 0.8
        assert many["rates"].mean() >= many["naive clicks"].mean() + 0.02
        assert ttest_rel(many["rates"], many["naive clicks"], alternative="greater").pvalue < 0.01
        assert few["rates"].mean() >= few["production"].mean()
    # At 2,000 searches by people who trust the top, nothing that takes position out pays.
    for n in SIZES[1:]:
        assert results[users, n]["rates"].mean() > results[users, n]["naive clicks"].mean()
