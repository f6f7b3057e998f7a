"""People can be put before any labeled set: here one whose grades are real."""

import gzip

import numpy as np
import pytest

from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.bias.simulation_truth import GradeConfig, build_truth
from rankloop.evaluation.measures import evaluate
from rankloop.evaluation.rankings import Judgments, Ranking


@pytest.fixture(scope="module")
def grades(shared_data):
    """Return the query and the grade of 3,005 judged documents of 201 queries."""
    folder = shared_data / "lambdarank"
    sizes = np.loadtxt(folder / "rank.train.query", dtype=int)
    with gzip.open(folder / "rank.train.gz", "rt") as lines:
        held = np.array([int(line.split(maxsplit=1)[0]) for line in lines])
    return np.repeat(np.arange(sizes.size), sizes), held


def build_simulation(grades, error_sd):
    query, held = grades
    score = held + np.random.default_rng(1).normal(0, error_sd, held.size)
    truth = build_truth(query, held, score, GradeConfig(noise=0.1))
    settings = SimulationConfig(n_searches=20_000)
    return Simulation(truth, ranker=RankerConfig(noise_sd=0.5), config=settings)


def measure_ndcg(truth, grades):
    query_key = truth.pairs.query_keys[truth.pairs.query]
    judgments = Judgments(query_key, truth.pairs.document_ids, grades)
    ranking = Ranking.from_scores(query_key, truth.pairs.document_ids, truth.score)
    return evaluate(judgments, ranking, ["nDCG@10"]).means()["nDCG@10"]


def test_better_grades_are_clicked_more_at_the_same_place(grades):
    log = build_simulation(grades, error_sd=2.0).run()
    first = log.lists.pairs[:, 0]
    rates = [log.lists.clicks[grades[1][first] == grade, 0].mean() for grade in range(5)]
    expected = [0.1 + 0.9 * (2**grade - 1) / 15 for grade in range(5)]
    assert rates == pytest.approx(expected, abs=0.04)


def test_production_is_as_good_as_its_error_lets_it_be(grades):
    weak, strong = build_simulation(grades, 4.0).truth, build_simulation(grades, 0.5).truth
    assert 0.5 < measure_ndcg(weak, grades[1]) < 0.8
    assert 0.9 < measure_ndcg(strong, grades[1]) < 1


def test_queries_of_few_documents_have_short_lists(grades):
    simulation = build_simulation(grades, 2.0)
    log = simulation.run()
    sizes = np.bincount(grades[0])
    assert np.array_equal(log.lists.is_shown.sum(axis=1), np.minimum(sizes[log.query], 10))
