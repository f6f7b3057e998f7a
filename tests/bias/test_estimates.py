"""Propensities find the examination that made a log, and say so where they cannot."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rankloop.bias.cells import Cells
from rankloop.bias.curves import estimate_curve
from rankloop.bias.estimates import Z, choose_effects, estimate_propensities
from rankloop.bias.identifiability import pool_positions
from rankloop.bias.sightings import sight

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from rankloop.bias.curves import Curve
    from rankloop.bias.sightings import Effect

FALLING = 1.0 / np.arange(1, 11)
UNEVEN = np.array([1.0, 0.7, 0.3, 0.45, 0.4, 0.2, 0.3, 0.15, 0.1, 0.12])
"""Not monotone: the fourth, fifth, seventh and tenth result are looked at more than one before."""

CURVES = {"falling": FALLING, "uneven": UNEVEN}

CARD = Path(__file__).resolve().parents[2] / "docs/methods/propensities.md"

N_QUERIES, N_DOCUMENTS = 500, 10

NODES = pool_positions(10)


def simulate(
    examination: NDArray[np.float64],
    n_searches: int = 50_000,
    seed: int = 0,
    *,
    noise_sd: float = 0.1,
    drift_sd: float = 0.0,
    n_weeks: int = 1,
) -> Cells:
    """Count a log of people who follow the position-based model.

    500 queries of Zipf 0.8, 10 documents each, attraction Beta(1, 6); the ranker errs by 0.1 a
    pair for good and by `noise_sd` a search. Attraction may wander by `drift_sd` a week in its
    logarithm, and the ranker follows.
    """
    rng = np.random.default_rng(seed)
    shape = (N_QUERIES, N_DOCUMENTS)
    attraction = rng.beta(1, 6, shape)
    error = rng.normal(0, 0.1, shape)
    frequency = np.arange(1, N_QUERIES + 1) ** -0.8
    query = rng.choice(N_QUERIES, n_searches, p=frequency / frequency.sum())
    week = np.arange(n_searches) * n_weeks // n_searches
    wander = np.cumsum(rng.normal(0, drift_sd, (n_weeks, *shape)), axis=0)
    liked = np.minimum(attraction[query] * np.exp(wander[week, query]), 1.0)
    score = liked + error[query] + rng.normal(0, noise_sd, liked.shape) * (noise_sd > 0)
    shown = np.argsort(-score, axis=1)[:, : examination.size]
    chance = examination * np.take_along_axis(liked, shown, axis=1)
    n_shown = examination.size
    return Cells.from_columns(
        {
            "query_key": np.repeat(query, n_shown),
            "document_id": shown.ravel(),
            "position": np.tile(np.arange(n_shown), n_searches),
            "week": np.repeat(week, n_shown),
            "shard": np.repeat(rng.integers(0, n_searches // 5, n_searches) % 64, n_shown),
            "clicks": (rng.random(chance.shape) < chance).ravel().astype(np.int64),
        },
        n_shards=64,
    )


def fit(cells: Cells, by: Sequence[Effect]) -> Curve:
    """Estimate one curve, whatever the others would say."""
    return estimate_curve(sight(cells, NODES), NODES, by)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What ten logs of one curve gave: arrays are `[10, 10]`, a row a log."""

    examination: NDArray[np.float64]
    naive: NDArray[np.float64]
    is_inside: NDArray[np.bool_]
    status: set[str]
    method: set[str]


@cache
def recover(name: str) -> Recovery:
    """Estimate one curve from ten logs of 50,000 searches."""
    truth = CURVES[name]
    estimates = [estimate_propensities(simulate(truth, seed=seed)) for seed in range(10)]
    rows = [estimate.rows for estimate in estimates]
    return Recovery(
        np.array([estimate.propensities.examination for estimate in estimates]),
        np.array([[row.naive for row in log] for log in rows]),
        np.array([[r.low <= t <= r.high for r, t in zip(log, truth, strict=True)] for log in rows]),
        {estimate.propensities.status for estimate in estimates},
        {estimate.propensities.method for estimate in estimates},
    )


def measure_error(found: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Measure the mean relative error over logs and positions, without the first."""
    return float(np.abs(found / truth - 1)[:, 1:].mean())


@pytest.mark.parametrize("name", CURVES)
def test_ten_logs_of_50000_searches_give_examination_to_three_percent(name: str) -> None:
    recovery = recover(name)

    assert recovery.status == {"identified"}
    assert recovery.method == {"fixed_effects"}
    assert measure_error(recovery.examination, CURVES[name]) <= 0.03
    assert measure_error(recovery.naive, CURVES[name]) >= 0.3
    assert recovery.is_inside[:, 1:].mean() >= 0.9


def test_the_card_shows_what_simulation_shows(golden: Callable[[Path, str], None]) -> None:
    lines = ["| | " + " | ".join(f"rank {rank}" for rank in range(1, 11)) + " | error |"]
    lines.append("|---" * 12 + "|")
    for name, truth in CURVES.items():
        recovery = recover(name)
        rows = [
            (f"**{name}**, true", truth, 0.0),
            ("estimated", *summarize(recovery.examination, truth)),
            ("naive", *summarize(recovery.naive, truth)),
        ]
        lines += [
            f"| {label} | {' | '.join(f'{x:.2f}' for x in curve)} | {error:.1%} |"
            for label, curve, error in rows
        ]
    before, begin, rest = CARD.read_text("utf-8").partition("<!-- begin: recovery -->\n")
    _, end, after = rest.partition("<!-- end: recovery -->")

    assert begin
    assert end
    golden(CARD, f"{before}{begin}" + "\n".join(lines) + f"\n{end}{after}")


def summarize(
    found: NDArray[np.float64], truth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return the mean curve and its mean relative error."""
    return found.mean(axis=0), measure_error(found, truth)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often intervals hold the truth over many logs, and how far estimates are off."""

    n_logs: int
    by_rank: NDArray[np.float64]
    error: float

    @property
    def share(self) -> float:
        """The share over all ranks but the first."""
        return float(self.by_rank.mean())


def cover(name: str, n_searches: int, n_logs: int = 200) -> Coverage:
    """Estimate one curve from many logs; those with too few clicks for it are left out."""
    truth = CURVES[name]
    inside, found = [], []
    for seed in range(n_logs):
        cells = simulate(truth, n_searches, 1_000 + seed)
        curve = fit(cells, ["pair"])
        if curve.method == "fixed_effects":
            inside.append(np.abs(curve.beta - np.log(truth)) <= Z * curve.std_error)
            found.append(np.exp(curve.beta))
    by_rank = np.stack(inside)[:, 1:].mean(axis=0)
    return Coverage(len(inside), by_rank, measure_error(np.stack(found), truth))


@pytest.mark.slow
@pytest.mark.parametrize("name", CURVES)
def test_intervals_hold_the_truth_as_often_as_they_say(name: str) -> None:
    coverage = cover(name, 10_000)

    assert coverage.n_logs >= 150
    assert 0.92 <= coverage.share <= 0.99


@pytest.mark.nightly
@pytest.mark.parametrize("name", CURVES)
def test_intervals_of_long_logs_hold_the_truth_at_every_rank(name: str) -> None:
    coverage = cover(name, 50_000)
    by_rank = ", ".join(f"{share:.1%}" for share in coverage.by_rank)
    sys.stdout.write(
        f"{name}: inside {coverage.share:.1%} ({by_rank}), error {coverage.error:.1%}\n"
    )

    assert coverage.n_logs == 200
    assert 0.92 <= coverage.share <= 0.98

    assert np.all((coverage.by_rank >= 0.90) & (coverage.by_rank <= 1.0))
    assert coverage.error <= 0.03


def test_few_clicks_are_drawn_to_a_power_law_and_called_weak() -> None:
    estimate = estimate_propensities(simulate(FALLING, 1_000))

    assert estimate.propensities.status == "weak"
    assert estimate.propensities.method == "shrunk"
    assert estimate.propensities.examination == pytest.approx(FALLING, rel=0.4)


def test_very_few_clicks_give_one_exponent() -> None:
    estimate = estimate_propensities(simulate(FALLING, 200))

    assert estimate.propensities.status == "weak"
    assert estimate.propensities.method == "power_law"
    assert estimate.curve is not None
    examination = estimate.propensities.examination
    known = np.isfinite(examination)
    rank = np.arange(1, examination.size + 1)
    assert examination[known] == pytest.approx(rank[known] ** -estimate.curve.eta)


def test_a_frozen_ranking_has_no_number_and_a_plan() -> None:
    estimate = estimate_propensities(simulate(FALLING, 20_000, noise_sd=0.0))

    assert estimate.propensities.status == "not_identifiable"
    assert estimate.propensities.method == "none"
    assert np.isnan(estimate.propensities.examination).all()
    assert all(row.propensity is None and row.light == "red" for row in estimate.rows)
    assert estimate.components == tuple((position,) for position in range(10))
    assert estimate.harvest_share == 0
    assert estimate.lack == "swaps"
    assert [swap.nodes for swap in estimate.swaps] == [(k, k + 1) for k in range(9)]
    assert [guess.eta for guess in estimate.guesses] == [0, 0.5, 1, 1.5, 2]
    assert estimate.guesses[-1].changed_share > 0.5


def test_ranks_that_nothing_joins_are_two_components() -> None:
    # Documents change places within the first two and within the last two, never across.
    cells = Cells.from_columns(
        {
            "query_key": ["q"] * 8,
            "document_id": ["a", "b", "b", "a", "c", "d", "d", "c"],
            "position": [0, 1, 0, 1, 2, 3, 2, 3],
            "n": [1_000] * 8,
            "clicks": [400, 100, 200, 200, 80, 30, 60, 40],
        }
    )

    estimate = estimate_propensities(cells)

    assert estimate.components == ((0, 1), (2, 3))
    assert [row.propensity for row in estimate.rows] == [1, pytest.approx(0.5), None, None]
    assert estimate.propensities.status == "weak"
    assert (1, 2) in [swap.nodes for swap in estimate.swaps]


@dataclass(frozen=True, slots=True)
class Fashions:
    """What logs with drift gave, and logs without: a row a log."""

    z: NDArray[np.float64]
    """`[n_logs, 9]`: by how many standard errors each rank is off, with drift."""

    pair_z: NDArray[np.float64]
    """The same where weeks are not told apart."""

    drifting: list[str]
    """What is said of drift where there is some."""

    steady: list[str]
    """What is said of drift where there is none."""

    steady_worst: NDArray[np.float64]
    """`[n_logs]`: the largest difference there, in standard errors."""


@cache
def follow_fashion(n_logs: int) -> Fashions:
    """Estimate from logs whose ranker follows what people like week by week, and from others."""
    z, pair_z, drifting, steady, worst = [], [], [], [], []
    for seed in range(n_logs):
        cells = simulate(FALLING, 100_000, seed, drift_sd=0.5, n_weeks=8)
        curve, drift = choose_effects(sight(cells, NODES).keep_moved(), NODES)
        assert curve.by == ("pair", "week")
        z.append(count_errors(curve))
        pair_z.append(count_errors(fit(cells, ["pair"])))
        drifting.append(drift.status)
        cells = simulate(FALLING, 50_000, 500 + seed, n_weeks=4)
        _, drift = choose_effects(sight(cells, NODES).keep_moved(), NODES)
        steady.append(drift.status)
        worst.append(drift.worst)
    return Fashions(np.array(z), np.array(pair_z), drifting, steady, np.array(worst))


def count_errors(curve: Curve) -> NDArray[np.float64]:
    """Count by how many standard errors each rank but the first is off."""
    return (curve.beta - np.log(FALLING))[1:] / curve.std_error[1:]


def test_weeks_find_examination_where_the_ranker_follows_fashion() -> None:
    fashions = follow_fashion(12)

    # Two standard errors hold 95.4% of ranks where they are what they say.
    assert (np.abs(fashions.z) <= 2).mean() >= 0.92
    assert set(fashions.drifting) == {"found"}
    assert (fashions.pair_z[:, -1] < -10).all()
    assert np.abs(fashions.pair_z).max(axis=1).min() > 2


@pytest.mark.nightly
def test_each_rank_is_within_two_standard_errors_as_often_as_that_says() -> None:
    fashions = follow_fashion(100)
    inside = np.abs(fashions.z) <= 2
    sys.stdout.write(
        f"within 2 standard errors: {inside.mean():.1%}, by rank {inside.mean(axis=0).round(2)};"
        f" all nine ranks in {inside.all(axis=1).mean():.0%} of logs\n"
        f"without drift, over 2 at some rank in {(fashions.steady_worst > 2).mean():.0%} of logs,"
        f" said to drift {fashions.steady.count('found'):d} of 100\n"
    )
    assert 0.93 <= inside.mean() <= 0.99
    assert inside.mean(axis=0).min() >= 0.88
    assert set(fashions.drifting) == {"found"}
    # Two standard errors at any of nine ranks are exceeded by chance alone in every third or
    # fourth log, the bound for the largest of nine in one of twenty at most.
    assert (fashions.steady_worst > 2).mean() > 0.12
    assert fashions.steady.count("found") <= 8


def test_no_drift_is_found_where_there_is_none() -> None:
    fashions = follow_fashion(12)
    assert fashions.steady.count("found") <= 2
    estimate = estimate_propensities(simulate(FALLING, 100_000, n_weeks=4))

    assert estimate.drift.status == "none"
    assert estimate.drift.cost < 0.5


def test_weeks_that_cost_too_much_are_left_out_and_said_to_be_unchecked() -> None:
    cells = simulate(FALLING, 10_000, n_weeks=100)
    curve, drift = choose_effects(sight(cells, NODES), NODES)

    assert drift.cost > 0.5
    assert drift.status == "unchecked"
    assert curve.by == ("pair",)


def test_order_of_rows_and_previous_clicks_change_nothing() -> None:
    cells = simulate(FALLING, 5_000)
    columns = cells.to_columns()
    order = np.random.default_rng(0).permutation(len(cells))

    shuffled = Cells.from_columns(
        {name: column[order] for name, column in columns.items()}, n_shards=64
    )

    first, second = estimate_propensities(cells), estimate_propensities(shuffled)
    assert np.array_equal(first.propensities.examination, second.propensities.examination)
    assert np.array_equal(first.propensities.std_error, second.propensities.std_error)


def test_a_log_twice_as_long_halves_variances_and_moves_nothing() -> None:
    cells = simulate(FALLING, 20_000)
    columns = cells.to_columns()
    twice = Cells.from_columns(
        {**columns, "n": cells.n * 2, "clicks": cells.clicks * 2, "shard": cells.shard * 0}
    )
    once = Cells.from_columns({**columns, "shard": cells.shard * 0})

    first, second = (fit(log, ["pair"]) for log in (once, twice))

    assert second.fitted == pytest.approx(first.fitted)
    variances = [np.diag(curve.spread.covariance) for curve in (first, second)]
    assert variances[1] == pytest.approx(variances[0] / 2)


def one_list(**columns: Sequence[object]) -> Cells:
    """Count a small log."""
    n_rows = max(map(len, columns.values()))
    given = {name: list(values) for name, values in columns.items()}
    return Cells.from_columns(
        {
            "query_key": ["q"] * n_rows,
            "document_id": [f"d{place}" for place in range(n_rows)],
            "position": list(range(n_rows)),
            **given,
        }
    )


@pytest.mark.parametrize(
    ("cells", "lack"),
    [
        (one_list(position=np.zeros(0, dtype=int)), "impressions"),
        (one_list(clicks=[0, 0, 0]), "clicks"),
        (one_list(position=[0, 0], clicks=[1, 0]), "positions"),
        (one_list(clicks=[1, 0, 1]), "repeats"),
        (one_list(n=[5, 5, 5], clicks=[1, 0, 1]), "swaps"),
        (one_list(position=[3, 4], clicks=[1, 1], n=[2, 2]), "swaps"),
        (
            one_list(document_id=["a", "a"], position=[0, 1], clicks=[0, 5], n=[9, 9]),
            "swaps",
        ),
    ],
    ids=["nothing", "no-click", "one-position", "no-repeat", "no-swap", "no-top", "one-sided"],
)
def test_a_log_that_cannot_tell_names_what_it_lacks(cells: Cells, lack: str) -> None:
    estimate = estimate_propensities(cells)

    assert estimate.propensities.status == "not_identifiable"
    assert estimate.lack == lack
    assert not np.isfinite(estimate.propensities.examination).any()
