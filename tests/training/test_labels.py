"""Labels find what people like, whatever position it was shown at."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from rankloop.bias.cells import Cells
from rankloop.errors import NotEnoughDataError, TableError
from rankloop.training.evidence import collect_evidence
from rankloop.training.funnel import FunnelCounts, FunnelWeights
from rankloop.training.labels import LabelConfig, fit_labels
from rankloop.training.priors import PriorConfig

GLOBAL = LabelConfig(prior=PriorConfig(kind="global"))


def rank_agreement(cells, values, grades):
    """Return the mean over queries of Kendall's tau between values and grades."""
    taus = []
    for query in range(cells.pairs.query_keys.size):
        mine = cells.pairs.query == query
        if np.unique(grades[mine]).size > 1:
            taus.append(kendalltau(values[mine], grades[mine]).statistic)
    return float(np.mean(taus))


def raw_rates(cells):
    """Return clicks by impressions, as a dashboard has them."""
    evidence = collect_evidence(cells, np.ones(cells.n_positions))
    return evidence.clicks / evidence.impressions


def test_labels_find_the_attraction_where_raw_click_rates_follow_the_position(
    make_collection, simulate
):
    log = simulate(make_collection(np.random.default_rng(1)), 60_000, np.random.default_rng(2))
    cells = log.to_cells()
    true = log.true_of(cells, log.collection.attraction)
    labels = fit_labels(cells, log.examination)
    seen = labels.evidence.examinations > 50
    assert np.abs(labels.value - true)[seen].mean() < 0.04
    assert np.abs(raw_rates(cells) - true)[seen].mean() > 0.12


def test_labels_agree_with_true_grades_better_than_raw_click_rates(graded, simulate):
    gains = []
    for seed in range(3):
        log = simulate(graded, 20_000, np.random.default_rng(seed), noise=0.3)
        cells = log.to_cells()
        grades = log.true_of(cells, graded.grades)
        corrected = rank_agreement(cells, fit_labels(cells, log.examination).value, grades)
        gains.append(corrected - rank_agreement(cells, raw_rates(cells), grades))
    assert min(gains) > 0.08


def test_an_interval_holds_the_truth_about_as_often_as_it_says(make_collection, simulate):
    log = simulate(make_collection(np.random.default_rng(3)), 40_000, np.random.default_rng(4))
    cells = log.to_cells()
    true = log.true_of(cells, log.collection.attraction)
    low, high = fit_labels(cells, log.examination).interval(0.9)
    assert 0.86 < np.mean((low <= true) & (true <= high)) < 0.97


def test_shuffled_clicks_leave_nothing_but_the_prior(make_collection, simulate):
    rng = np.random.default_rng(5)
    log = simulate(make_collection(rng), 60_000, rng)
    shuffled = log.clicked.copy()
    for position in range(log.examination.size):
        here = log.position == position
        shuffled[here] = rng.permutation(shuffled[here])
    # Whatever stood at a position is now clicked alike: its click rate is its examination.
    rate = np.bincount(log.position, shuffled) / np.bincount(log.position)
    labels = fit_labels(log.to_cells(shuffled), rate / rate[0], GLOBAL)
    real = fit_labels(log.to_cells(), log.examination, GLOBAL)
    assert labels.strength > 10_000
    assert labels.value.std() / labels.value.mean() < 0.05
    assert real.strength < 100
    assert real.value.std() / real.value.mean() > 0.5


def test_one_click_in_one_look_is_no_proof():
    clicks = np.array([1, 40, 20, 30, 10])
    n = np.array([1, 400, 400, 400, 400])
    cells = Cells.from_columns(
        {
            "query_key": ["q"] * 5,
            "document_id": list("abcde"),
            "position": [0] * 5,
            "n": n,
            "clicks": clicks,
        }
    )
    labels = fit_labels(cells, np.ones(1), GLOBAL)
    mean = clicks.sum() / n.sum()
    expected = (mean * labels.strength + clicks) / (labels.strength + n)
    assert labels.value == pytest.approx(expected)
    assert labels.value[0] < labels.value[1]


def test_a_document_that_is_nearly_always_clicked_is_judged_by_the_exact_law():
    cells = Cells.from_columns(
        {
            "query_key": ["q"] * 4,
            "document_id": list("abcd"),
            "position": [0] * 4,
            "n": [200] * 4,
            "clicks": [190, 4, 6, 5],
        }
    )
    labels = fit_labels(cells, np.ones(1), GLOBAL)
    low, high = labels.interval()
    assert labels.attraction.exact.tolist() == [0]
    assert 0.93 < labels.value[0] < 0.96
    # A binomial share of 190 / 200 has a standard error of .0154.
    assert high[0] - low[0] == pytest.approx(2 * 1.96 * 0.0154, rel=0.1)
    assert high[0] < 1


def test_the_order_of_the_cells_changes_no_bit(make_collection, simulate):
    log = simulate(make_collection(np.random.default_rng(6), 30), 5_000, np.random.default_rng(7))
    order = np.random.default_rng(8).permutation(log.document.size)
    mixed = type(log)(
        log.collection,
        *(x[order] for x in (log.document, log.position, log.clicked, log.week)),
        log.examination,
    )
    one, other = (fit_labels(each.to_cells(), log.examination) for each in (log, mixed))
    assert one.value.tobytes() == other.value.tobytes()


def test_forgetting_someone_equals_never_having_seen_them(make_collection, simulate):
    log = simulate(make_collection(np.random.default_rng(6), 30), 5_000, np.random.default_rng(7))
    kept = np.arange(log.document.size) % 7 != 3
    columns = (log.document, log.position, log.clicked, log.week)
    without = type(log)(log.collection, *(x[kept] for x in columns), log.examination)
    both = log.to_cells().to_columns()
    gone = type(log)(log.collection, *(x[~kept] for x in columns), log.examination).to_cells()
    gone = gone.to_columns()
    erased = {
        name: np.concatenate([both[name], -gone[name] if name in ("n", "clicks") else gone[name]])
        for name in ("query_key", "document_id", "position", "week", "n", "clicks")
    }
    keys = np.char.add(erased["document_id"].astype(str), np.char.mod("/%d", erased["position"]))
    keys = np.char.add(keys, np.char.mod("/%d", erased["week"].astype(int)))
    _, place = np.unique(keys, return_inverse=True)
    first = np.unique(place, return_index=True)[1]
    summed = {name: values[first] for name, values in erased.items()}
    for name in ("n", "clicks"):
        summed[name] = np.bincount(place, erased[name]).astype(np.int64)
    recomputed = fit_labels(Cells.from_columns(summed), log.examination)
    assert (
        recomputed.value.tobytes()
        == fit_labels(without.to_cells(), log.examination).value.tobytes()
    )


def test_weights_are_applied_when_labels_are_read():
    cells = Cells.from_columns(
        {
            "query_key": ["q"] * 2,
            "document_id": ["a", "b"],
            "position": [0, 0],
            "n": [1_000, 1_000],
            "clicks": [100, 100],
        }
    )
    hundred, none = np.array([100, 100]), np.zeros(2, int)
    counts = FunnelCounts(hundred, none, none, np.array([0, 50]))
    plain, bought = (
        fit_labels(
            cells,
            np.ones(1),
            LabelConfig(prior=PriorConfig(kind="global"), weights=FunnelWeights(purchase=weight)),
            counts=counts,
        )
        for weight in (0, 10)
    )
    assert plain.value[0] == plain.value[1]
    assert bought.value[1] > 3 * bought.value[0]
    assert bought.attraction.mean.tolist() == plain.attraction.mean.tolist()


def test_positions_without_an_examination_are_left_out_with_their_clicks():
    cells = Cells.from_columns(
        {
            "query_key": ["q"] * 3,
            "document_id": ["a"] * 3,
            "position": [0, 1, 5],
            "n": [10, 20, 40],
            "clicks": [1, 2, 4],
        }
    )
    evidence = collect_evidence(cells, np.array([1.0, np.nan]))
    assert (evidence.clicks[0], evidence.examinations[0], evidence.unplaced) == (1, 10.0, 60)


def test_says_so_when_nothing_was_clicked():
    cells = Cells.from_columns({"query_key": ["q"], "document_id": ["a"], "position": [0]})
    with pytest.raises(NotEnoughDataError, match="nothing was clicked"):
        fit_labels(cells, np.ones(1))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf], ids=["zero", "negative", "infinite"])
def test_an_impossible_examination_is_refused(bad):
    cells = Cells.from_columns({"query_key": ["q"], "document_id": ["a"], "position": [0]})
    with pytest.raises(TableError, match="not a number above 0"):
        fit_labels(cells, np.array([bad]))
