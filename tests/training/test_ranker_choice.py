"""The candidate that later clicks speak for is taken, and the default where they do not tell."""

from __future__ import annotations

from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from rankloop.errors import NotEnoughDataError
from rankloop.models.ranker import Ranker
from rankloop.training.evidence import Placed
from rankloop.training.ranker_choice import choose_ranker
from rankloop.training.ranker_rows import RankerRows
from rankloop.training.rankers import RankerCandidate

CURVE = np.array([1.0, 0.5, 0.25])
ATTRACTION = np.array([0.1, 0.2, 0.6])
N = 400


def follow(column, names=("score", "liked", "noise")):
    """Return a ranker that orders by one feature."""
    x = np.random.default_rng(1).normal(size=(400, 3))
    settings = {"objective": "regression", "verbose": -1, "num_threads": 1, "num_leaves": 15}
    return Ranker(lightgbm.train(settings, lightgbm.Dataset(x, x[:, column]), 30), list(names))


@pytest.fixture(scope="module")
def held_out():
    """Forty lists of three documents; production shows the worst first, and often mixes them."""
    rng = np.random.default_rng(2)
    n_lists = 40
    n_rows = 3 * n_lists
    pair = np.repeat(np.arange(n_rows), 3)
    position = np.tile(np.arange(3), n_rows)
    n = np.full(pair.size, N // 3)
    attraction = np.tile(ATTRACTION, n_lists)
    clicks = rng.binomial(n, attraction[pair] * CURVE[position])
    totals = np.bincount(pair, clicks).astype(np.int64)
    return RankerRows(
        query=np.repeat(np.arange(n_lists), 3),
        features=np.column_stack(
            [
                np.tile([1.0, 0.0, -1.0], n_lists),
                np.tile([-1.0, 0.0, 1.0], n_lists),
                rng.normal(size=n_rows),
            ]
        ),
        feature_names=("score", "liked", "noise"),
        clicks=totals,
        examinations=np.full(n_rows, N // 3 * CURVE.sum()),
        impressions=np.full(n_rows, N // 3 * 3),
        labels=totals / N,
        weights=np.ones(n_rows),
        placed=Placed(pair, position, CURVE[position], n, clicks),
        serving_score="score",
        need=np.repeat(np.arange(20), 6),
    )


def choose(held_out, taught=(), **columns):
    candidates = [RankerCandidate(name, follow(column), 30) for name, column in columns.items()]
    rng = np.random.default_rng(3)
    return choose_ranker(candidates, held_out, CURVE, np.array(taught, dtype=np.int64), rng)


def test_the_ranker_that_people_would_click_more_is_chosen(held_out):
    choice = choose(held_out, rates=2, order=1)
    assert choice.name == "order"
    assert [trial.name for trial in choice.trials] == ["order", "rates"]


def test_the_gain_is_what_the_better_order_earns(held_out):
    choice = choose(held_out, rates=1)
    # .6 + .1 + .025 clicks a search instead of .1 + .1 + .15.
    assert choice.trials[0].gain == pytest.approx(0.725 - 0.35, abs=0.02)
    assert choice.trials[0].low < choice.trials[0].gain < choice.trials[0].high
    every = next(row for row in choice.metrics if row.part == "all")
    assert every.value == pytest.approx(0.725, abs=0.02)
    assert every.baseline == pytest.approx(0.35, abs=0.02)
    assert every.n == 20


def test_raw_click_rates_would_have_told_another_gain(held_out):
    raw = replace(held_out, examinations=held_out.impressions.astype(np.float64))
    assert choose(raw, rates=1).trials[0].gain < 0.3


def test_the_order_that_serves_gains_nothing(held_out):
    choice = choose(held_out, rates=0)
    assert choice.trials[0].gain == 0.0
    assert choice.trials[0].low == choice.trials[0].high == 0.0


def test_the_default_stays_where_another_is_no_better(held_out):
    assert choose(held_out, order=1, rates=1).name == "rates"


def test_queries_learned_from_are_told_apart(held_out):
    choice = choose(held_out, taught=range(15), rates=1)
    assert {row.part: row.n for row in choice.metrics} == {"all": 20, "seen": 15, "unseen": 5}


def test_the_same_rows_and_seed_choose_the_same_with_the_same_figures(held_out):
    assert choose(held_out, rates=2, order=1) == choose(held_out, rates=2, order=1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: replace(rows, clicks=np.zeros_like(rows.clicks)),
        lambda rows: replace(rows, need=np.zeros_like(rows.query)),
        lambda rows: replace(rows, serving_score=None),
    ],
    ids=["no clicks", "one query", "nothing serves"],
)
def test_says_so_where_later_days_cannot_choose(held_out, spoil):
    with pytest.raises(NotEnoughDataError):
        choose(spoil(held_out), rates=1)
