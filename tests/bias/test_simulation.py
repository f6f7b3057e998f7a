"""A simulated log follows from its seed alone, and holds what it was asked to hold."""

import numpy as np
import pytest

from rankloop.bias.simulation import BLOCK, Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.bias.simulation_truth import (
    GradeConfig,
    TruthConfig,
    build_truth,
    draw_truth,
    to_attraction,
)
from rankloop.errors import InputError, SettingsError, TableError

HARD = {"n_weeks": 4, "drift_sd": 0.3, "taste_sd": 0.5, "robot_share": 0.05}


def test_a_log_in_parts_is_the_log_in_one_piece(simulate):
    simulation = simulate(n_searches=20_000, n_people=500, **HARD)
    whole = simulation.run()
    for size in (777, BLOCK, 15_000):
        parts = list(simulation.iter_logs(size))
        for name in ("query", "person", "week", "is_robot", "logging_probability"):
            joined = np.concatenate([getattr(part, name) for part in parts])
            assert np.array_equal(joined, getattr(whole, name))
        assert np.array_equal(np.concatenate([p.lists.pairs for p in parts]), whole.lists.pairs)
        assert np.array_equal(np.concatenate([p.lists.clicks for p in parts]), whole.lists.clicks)


def test_another_seed_makes_another_log(simulate):
    one, other = simulate(n_searches=100), simulate(n_searches=100)
    assert np.array_equal(one.run().lists.clicks, other.run().lists.clicks)
    other.config = SimulationConfig(seed=2, n_searches=100)
    assert not np.array_equal(one.run().query, other.run().query)


def test_searches_that_there_are_not_are_refused(simulate):
    with pytest.raises(InputError, match="there are no searches 5 to 101"):
        simulate(n_searches=100).run(5, 101)


def test_a_frozen_ranker_shows_each_query_one_list(simulate):
    log = simulate(n_searches=5_000, noise_sd=0.0).run()
    _, first = np.unique(log.query, return_index=True)
    shown = dict(zip(log.query[first].tolist(), log.lists.pairs[first].tolist(), strict=True))
    assert all(
        shown[query] == pairs
        for query, pairs in zip(log.query.tolist(), log.lists.pairs.tolist(), strict=True)
    )


def test_noise_mixes_lists(simulate):
    log = simulate(n_searches=5_000, noise_sd=0.1).run()
    of_first = log.lists.pairs[log.query == 0]
    assert len(np.unique(of_first, axis=0)) > len(of_first) / 2


def test_queries_come_as_often_as_they_are_popular(simulate):
    simulation = simulate(n_searches=50_000)
    share = np.bincount(simulation.run().query, minlength=500) / 50_000
    assert share == pytest.approx(simulation.truth.popularity, abs=0.004)


def test_clicks_fall_by_position_as_people_look(simulate):
    simulation = simulate(n_searches=100_000)
    lists = simulation.run().lists
    attraction = simulation.truth.attraction[lists.pairs].mean(axis=0)
    looked_at = lists.clicks.mean(axis=0) / attraction
    assert looked_at == pytest.approx(1 / np.arange(1, 11), abs=0.015)


def test_attractions_drift_and_the_ranker_follows(simulate):
    log = simulate(n_searches=60_000, noise_sd=0.0, n_weeks=6, drift_sd=0.5).run()
    of_first = log.query == 0
    lists = [log.lists.pairs[of_first & (log.week == week)] for week in range(6)]
    assert all(len(np.unique(shown, axis=0)) == 1 for shown in lists)
    assert len({tuple(shown[0]) for shown in lists}) == 6
    assert all(np.diff(log.week) >= 0)


def test_a_personal_ranker_shows_each_person_their_own_list(simulate):
    log = simulate(n_searches=40_000, noise_sd=0.0, taste_sd=1.0, n_people=4).run()
    of_first = log.query == 0
    for person in range(4):
        shown = log.lists.pairs[of_first & (log.person == person)]
        assert len(np.unique(shown, axis=0)) == 1
    assert len(np.unique(log.lists.pairs[of_first], axis=0)) == 4


def test_robots_click_anywhere(simulate):
    log = simulate(n_searches=50_000, n_people=100, robot_share=0.1, robot_clicks=0.3).run()
    assert log.is_robot.mean() == pytest.approx(0.1, abs=0.005)
    assert log.lists.clicks[log.is_robot].mean(axis=0) == pytest.approx(0.3, abs=0.03)
    assert log.person[log.is_robot].min() >= 100
    assert log.person[~log.is_robot].max() < 100


def test_short_queries_have_short_lists():
    truth = build_truth(np.array([0, 0, 1]), np.array([4, 0, 2]), np.array([0.1, 0.9, 0.5]))
    log = Simulation(truth, config=SimulationConfig(n_searches=1_000, n_positions=4)).run()
    assert np.unique(log.lists.pairs, axis=0).tolist() == [[1, 0, -1, -1], [2, -1, -1, -1]]
    assert not log.lists.clicks[~log.lists.is_shown].any()


def test_grades_become_chances():
    found = to_attraction(np.array([0, 1, 2, 3, 4]), GradeConfig(noise=0.1))
    assert found == pytest.approx([0.1, 0.1 + 0.9 / 15, 0.1 + 0.9 * 3 / 15, 0.1 + 0.9 * 7 / 15, 1])


def test_grades_out_of_range_are_refused():
    with pytest.raises(TableError, match="grades must be from 0 to 4"):
        to_attraction(np.array([5]))


@pytest.mark.parametrize(
    ("query", "document_ids", "message"),
    [
        ([0, 1], None, "one entry per pair"),
        ([1, 1, 1], None, "ascending from 0"),
        ([0, 0, 0], ["b", "a", "c"], "ascending within a query"),
        ([0, 0, 0], ["a", "b"], "one entry per pair"),
    ],
    ids=["lengths", "start", "names", "number of names"],
)
def test_a_labeled_set_that_is_none_is_refused(query, document_ids, message):
    with pytest.raises(TableError, match=message):
        build_truth(np.array(query), np.zeros(3, int), np.zeros(3), document_ids=document_ids)


def test_chances_outside_0_to_1_are_refused():
    truth = draw_truth(np.random.default_rng(1), TruthConfig(n_queries=1, n_documents=1))
    with pytest.raises(TableError, match="attraction must be in"):
        type(truth)(truth.pairs, np.array([1.5]), truth.satisfaction, truth.score, np.ones(1))
    with pytest.raises(TableError, match="popularity must sum to 1"):
        type(truth)(truth.pairs, truth.attraction, truth.satisfaction, truth.score, np.zeros(1))


@pytest.mark.parametrize(
    ("config", "values"),
    [
        (SimulationConfig, {"n_searches": 0}),
        (SimulationConfig, {"drift_sd": -1.0}),
        (SimulationConfig, {"robot_share": 1.1}),
        (RankerConfig, {"noise_sd": -1.0}),
        (RankerConfig, {"swap_share": 2.0}),
        (TruthConfig, {"n_queries": 0}),
        (TruthConfig, {"attraction": (0.0, 1.0)}),
        (TruthConfig, {"zipf": -1.0}),
        (GradeConfig, {"noise": 1.0}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else next(iter(value)),
)
def test_settings_out_of_range_are_refused(config, values):
    with pytest.raises(SettingsError):
        config(**values)
