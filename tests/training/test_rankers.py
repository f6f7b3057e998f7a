"""Rankers find what people like where clicks follow the position, and say when they cannot."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.models.ranker import FORM_FILE, TREES_FILE
from rankloop.training.labels import fit_labels
from rankloop.training.ranker_rows import build_rows, find_ranker_needs
from rankloop.training.rankers import (
    RankerConfig,
    blend,
    fit_attraction,
    train_rankers,
)
from rankloop.training.trees import TreeConfig, to_grades

QUICK = RankerConfig(trees=TreeConfig(max_trees=60, n_order_trees=30))


def correlate(scores, truth):
    return float(np.corrcoef(scores, truth)[0, 1])


@pytest.fixture(scope="module")
def shop(make_collection, simulate):
    """A log whose documents are liked by one of their features, and shown by another."""
    collection = make_collection(np.random.default_rng(1), n_queries=150)
    log = simulate(collection, 30_000, np.random.default_rng(2))
    return log, log.to_cells()


def describe(log, cells):
    """Give the serving score, a feature that tells the attraction, and one that tells nothing."""
    rng = np.random.default_rng(3)
    liked = log.true_of(cells, log.collection.grades) + rng.normal(0, 0.7, len(cells.pairs))
    served = log.true_of(cells, log.collection.scores)
    return np.column_stack([served, liked, rng.normal(size=len(cells.pairs))])


@pytest.fixture(scope="module")
def rows(shop):
    log, cells = shop
    labels = fit_labels(cells, log.examination)
    return build_rows(labels, describe(log, cells), ["score", "liked", "noise"], "score")


@pytest.fixture(scope="module")
def candidates(rows):
    return train_rankers(rows, QUICK)


def test_rates_find_the_attraction(shop, rows, candidates):
    log, cells = shop
    truth = np.log(log.true_of(cells, log.collection.attraction))
    default = candidates[0]
    assert default.name == "rates"
    assert correlate(default.ranker.score(rows.features), truth) > 0.8


def test_raw_click_rates_would_have_followed_the_serving_order(shop, rows, candidates):
    log, cells = shop
    raw = replace(rows, examinations=rows.impressions.astype(np.float64))
    naive = train_rankers(raw, QUICK)[0].ranker
    served = rows.features[:, 0]
    truth = np.log(log.true_of(cells, log.collection.attraction))
    new, old = candidates[0].ranker.score(rows.features), naive.score(rows.features)
    assert correlate(old, served) > correlate(new, served) + 0.15
    assert correlate(new, truth) > correlate(old, truth)


def test_order_finds_the_attraction_too(shop, rows, candidates):
    log, cells = shop
    truth = log.true_of(cells, log.collection.grades)
    order = next(one for one in candidates if one.name == "order")
    assert correlate(order.ranker.score(rows.features), truth) > 0.6


def test_every_way_is_trained_and_the_default_comes_first(candidates):
    assert [one.name for one in candidates] == [
        "rates",
        "blend_25",
        "blend_50",
        "blend_75",
        "order",
        "positions",
    ]
    assert all(one.n_trees >= 1 for one in candidates)


def test_trees_do_not_use_what_tells_nothing(rows, candidates):
    parts = np.abs(candidates[0].ranker.contributions(rows.features[:200])).mean(axis=0)
    assert parts[2] < 0.25 * parts[1]


def test_a_blend_of_a_quarter_follows_the_serving_score_more_than_one_of_three(rows, candidates):
    ranker = {one.name: one.ranker for one in candidates}
    served = rows.features[:, 0]
    shares = [
        correlate(ranker[name].score(rows.features), served)
        for name in ("blend_25", "blend_50", "blend_75", "rates")
    ]
    assert shares == sorted(shares, reverse=True)


def test_half_a_blend_gives_both_scores_the_same_spread_within_queries(rows, candidates):
    half = blend(candidates[0].ranker, rows, 0.5)
    new = candidates[0].ranker.score(rows.features)
    served = half.score(rows.features) - new

    def spread(scores):
        mean = np.bincount(rows.query, scores) / np.bincount(rows.query)
        return np.std(scores - mean[rows.query])

    assert spread(served) == pytest.approx(spread(new))


def test_without_a_serving_score_there_is_no_blend(rows):
    names = [one.name for one in train_rankers(replace(rows, serving_score=None), QUICK)]
    assert names == ["rates", "order", "positions"]


def test_the_same_rows_give_the_same_bytes(rows, tmp_path):
    for number, seed in enumerate((7, 7, 8)):
        for one in train_rankers(rows, QUICK, seed):
            folder = tmp_path / str(number) / one.name
            folder.mkdir(parents=True)
            one.ranker.save(folder)

    def read(number):
        files = sorted((tmp_path / str(number)).rglob("*.*"))
        assert {path.name for path in files} == {TREES_FILE, FORM_FILE}
        return [path.read_bytes() for path in files]

    assert read(0) == read(1)
    assert read(0) != read(2)


def test_training_in_threads_gives_the_same_rankers(rows):
    expected = train_rankers(rows, QUICK)[0].ranker.score(rows.features)
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: train_rankers(rows, QUICK)[0].ranker, range(3)))
        scored = list(threads.map(lambda ranker: ranker.score(rows.features), found))
    assert all(np.array_equal(one, expected) for one in scored)
    assert threading.active_count() < 20


def test_documents_never_looked_at_are_no_negatives(rows):
    ghosts = 400
    more = replace(
        rows,
        query=np.concatenate([rows.query, np.full(ghosts, rows.query.max())]),
        features=np.vstack([rows.features, np.tile([0.0, 9.0, 0.0], (ghosts, 1))]),
        placed=None,
        **{
            name: np.concatenate([getattr(rows, name), np.zeros(ghosts, getattr(rows, name).dtype)])
            for name in ("clicks", "examinations", "impressions", "labels", "weights")
        },
    )
    without = train_rankers(replace(rows, placed=None), QUICK)
    for before, after in zip(without, train_rankers(more, QUICK), strict=True):
        if before.ranker.anchor is None:
            assert np.array_equal(
                before.ranker.score(rows.features), after.ranker.score(rows.features)
            )


def test_progress_is_told(rows):
    told = []
    train_rankers(rows, QUICK, report=lambda share, text: told.append((share, text)))
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[-1][0] == 1.0


def test_a_guess_of_attraction_leaves_the_pairs_own_query_out(shop, rows):
    log, cells = shop
    folds = rows.query % 4
    guess = fit_attraction(rows, folds, 1, QUICK.trees)
    assert correlate(guess, log.true_of(cells, log.collection.attraction)) > 0.7
    changed = replace(rows, clicks=np.where(folds == 0, 0, rows.clicks))
    again = fit_attraction(changed, folds, 1, QUICK.trees)
    assert (guess > 0).all()
    # What happened in fold 0 does not show in its own guesses.
    assert np.array_equal(again[folds == 0], guess[folds == 0])
    assert not np.array_equal(again[folds == 1], guess[folds == 1])


def test_guesses_without_clicks_elsewhere_are_the_overall_rate(rows):
    folds = (rows.clicks == 0).astype(np.int64)
    guess = fit_attraction(rows, folds, 1, QUICK.trees)
    overall = rows.clicks.sum() / rows.examinations.sum()
    assert guess[folds == 0] == pytest.approx(overall)


def take(rows, kept):
    names = ("query", "features", "clicks", "examinations", "impressions", "labels", "weights")
    return replace(rows, placed=None, **{name: getattr(rows, name)[kept] for name in names})


@pytest.mark.parametrize(
    ("spoil", "lack"),
    [
        (lambda rows: replace(rows, clicks=np.zeros_like(rows.clicks)), "nothing was clicked"),
        (lambda rows: take(rows, rows.query < 3), "pairs of a query and a document, 50"),
        (lambda rows: replace(rows, query=np.zeros_like(rows.query)), "for one query"),
        (lambda rows: replace(rows, query=np.arange(len(rows))), "no query has two documents"),
        (lambda rows: replace(rows, labels=np.ones_like(rows.labels)), "all labels are equal"),
        (lambda rows: replace(rows, features=np.ones_like(rows.features)), "no feature tells"),
    ],
    ids=["no clicks", "few rows", "one query", "one document each", "equal labels", "no features"],
)
def test_says_what_is_lacking_where_no_order_can_be_learned(rows, spoil, lack):
    with pytest.raises(NotEnoughDataError, match=lack) as refused:
        train_rankers(spoil(rows), QUICK)
    assert refused.value.hint


def test_equal_labels_point_to_what_works_without_them(rows):
    with pytest.raises(NotEnoughDataError) as refused:
        train_rankers(replace(rows, labels=np.ones_like(rows.labels)), QUICK)
    assert "popularity" in refused.value.hint


def test_small_logs_are_trained_on_but_named_as_small(rows):
    few = take(rows, rows.query < 20)
    needs = {need.what: need for need in find_ranker_needs(few, 500)}
    assert set(needs) == {"queries", "searches", "clicks"} - (
        set() if few.clicks.sum() < 1_000 else {"clicks"}
    )
    assert (needs["queries"].have, needs["queries"].need) == (20, 200)
    # 180 queries more at 25 searches each.
    assert needs["queries"].searches_needed == 4_500
    assert train_rankers(few, QUICK)[0].name == "rates"


def test_a_log_above_all_floors_needs_nothing(rows):
    counted = replace(rows, query=np.arange(len(rows)) // 5)
    assert find_ranker_needs(counted, 30_000) == []


def test_rows_that_do_not_fit_each_other_are_refused(rows):
    with pytest.raises(TableError, match="labels has 3 rows"):
        replace(rows, labels=np.ones(3))
    with pytest.raises(TableError, match="for 2 names"):
        replace(rows, feature_names=("a", "b"))
    with pytest.raises(TableError, match="ascend"):
        replace(rows, query=rows.query[::-1].copy())
    with pytest.raises(SettingsError, match="no feature 'bm25'"):
        replace(rows, serving_score="bm25")


def test_settings_out_of_range_are_refused():
    with pytest.raises(SettingsError):
        TreeConfig(learning_rate=0.0)
    with pytest.raises(SettingsError):
        TreeConfig(num_leaves=1)
    with pytest.raises(SettingsError):
        TreeConfig(n_folds=1)
    with pytest.raises(SettingsError):
        RankerConfig(blends=(1.0,))


def test_grades_keep_the_order_and_cut_off_the_top_hundredth():
    labels = np.append(np.linspace(0, 1, 200), 50.0)
    grades = to_grades(labels)
    assert grades.max() == grades[-1] == 30
    assert (np.diff(grades) >= 0).all()
    assert to_grades(np.zeros(3)).tolist() == [0, 0, 0]
