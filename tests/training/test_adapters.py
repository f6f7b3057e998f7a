"""Adapters: what clicks teach moves queries, and where they teach nothing, nothing moves."""

import numpy as np
import pytest

from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.evaluation.measures import evaluate
from rankloop.evaluation.rankings import Judgments, Ranking
from rankloop.training.adapter_choice import Trial, choose, measure_ndcg
from rankloop.training.adapter_examples import AdapterExamples, draw_folds
from rankloop.training.adapter_residual import Batch, ResidualConfig, find_slope, iter_residuals
from rankloop.training.adapter_steps import METHODS, StepConfig
from rankloop.training.adapters import AdapterConfig, train_adapter

QUICK = AdapterConfig(StepConfig(residual=ResidualConfig(n_rounds=10, rounds_between=10)))
NONE = np.empty(0, np.int64)


def to_unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def build(n_queries=120, dimension=24, noise=0.1, seed=1, turn=0.8):
    """Queries that stand where their document would after a turn, and so find another first."""
    rng = np.random.default_rng(seed)
    documents = to_unit(rng.normal(size=(n_queries, dimension)))
    axes = np.linalg.qr(rng.normal(size=(dimension, dimension)))[0]
    turned = (1 - turn) * documents + turn * documents @ axes.T
    queries = to_unit(turned + noise * rng.normal(size=turned.shape))
    places = np.arange(n_queries)
    return AdapterExamples(queries, documents, places, places, np.ones(n_queries), NONE, NONE)


def name(examples):
    return [f"query {place}" for place in range(len(examples.queries))]


def part(trained, wanted):
    return next(row for row in trained.metrics if row.part == wanted)


@pytest.fixture(scope="module")
def turned():
    """Return an adapter trained where a turn of the space is what clicks tell."""
    examples = build(n_queries=250)
    return examples, train_adapter(examples, name(examples), "m", QUICK)


def test_a_turn_of_the_space_is_found_and_helps_queries_that_taught_nothing(turned):
    trained = turned[1]
    unseen = part(trained, "unseen")
    assert unseen.baseline < 0.75
    assert unseen.value > unseen.baseline + 0.15
    assert unseen.low > 0


def test_what_is_returned_was_learned_from_the_part_set_aside_too(turned):
    examples, trained = turned
    moved = trained.adapter.apply(examples.queries)
    before = measure_ndcg(examples, examples.asked).mean()
    assert measure_ndcg(examples, examples.asked, moved).mean() > before + 0.15


def test_the_same_examples_and_seed_give_the_same_adapter(turned):
    examples, trained = turned
    again = train_adapter(examples, name(examples), "m", QUICK)
    assert np.array_equal(
        again.adapter.apply(examples.queries), trained.adapter.apply(examples.queries)
    )
    assert again.metrics == trained.metrics


def test_clicks_that_mean_nothing_move_nothing():
    rng = np.random.default_rng(3)
    queries, documents = (to_unit(rng.normal(size=(100, 24))) for _ in range(2))
    places = np.arange(100)
    examples = AdapterExamples(queries, documents, places, places, np.ones(100), NONE, NONE)

    trained = train_adapter(examples, name(examples), "m", QUICK)

    assert trained.chosen is None
    assert trained.adapter.share == 0.0
    assert np.array_equal(trained.adapter.apply(queries), queries)


def test_the_naive_way_of_learning_by_heart_hurts_where_we_stand_still():
    # Clicks that mean nothing, learned without restraint and taken whole, ruin good queries.
    examples = build(n_queries=100, turn=0.0, noise=0.05)
    rng = np.random.default_rng(5)
    taught = np.arange(50)
    wrong = AdapterExamples(
        examples.queries,
        examples.documents,
        taught,
        rng.permutation(50),
        np.ones(50),
        NONE,
        NONE,
    )
    others = np.arange(50, 100)
    naive = next(iter(METHODS["matrix"](wrong, "m", StepConfig(restraints=(0.001,)), 1))).adapter
    before = measure_ndcg(examples, others).mean()
    assert measure_ndcg(examples, others, naive.apply(examples.queries[others])).mean() < before
    assert train_adapter(wrong, name(wrong), "m", QUICK).adapter.share == 0.0


@pytest.mark.parametrize("method", METHODS)
def test_every_way_to_step_learns_a_turn(method):
    examples = build(n_queries=300)
    taught, others = examples.select(np.arange(240)), np.arange(240, 300)
    steps = list(METHODS[method](taught, "m", StepConfig(), 1))
    before = measure_ndcg(examples, others).mean()
    best = max(
        measure_ndcg(examples, others, step.adapter.apply(examples.queries[others])).mean()
        for step in steps
    )
    assert best > before + 0.05


def test_a_matrix_under_endless_restraint_is_the_identity():
    examples = build()
    step = next(iter(METHODS["matrix"](examples, "m", StepConfig(restraints=(1e9,)), 1)))
    assert step.adapter.apply(examples.queries) == pytest.approx(examples.queries, abs=1e-5)


def test_a_matrix_is_the_ridge_regression_of_the_formula():
    examples = build(n_queries=30, dimension=4)
    weighted = AdapterExamples(
        examples.queries,
        examples.documents,
        examples.query,
        examples.positive,
        np.linspace(0.2, 1.0, 30),
        NONE,
        NONE,
    )
    pull = 0.5 * weighted.weight.sum() / 4
    outer = weighted.documents.T * weighted.weight @ weighted.queries + pull * np.eye(4)
    inner = weighted.queries.T * weighted.weight @ weighted.queries + pull * np.eye(4)
    step = next(iter(METHODS["matrix"](weighted, "m", StepConfig(restraints=(0.5,)), 1)))
    assert step.adapter.matrix == pytest.approx(outer @ np.linalg.inv(inner), abs=1e-4)


def test_a_query_far_from_every_anchor_stays():
    documents = np.eye(4, dtype=np.float32)
    queries = np.eye(4, dtype=np.float32)
    pair = np.array([0]), np.array([1]), np.ones(1)
    examples = AdapterExamples(queries, documents, *pair, NONE, NONE)
    config = StepConfig(widths=(0.4,), anchor_restraints=(0.01,))
    adapter = next(iter(METHODS["anchors"](examples, "m", config, 1))).adapter
    moved = adapter.apply(queries)
    assert moved[0] == pytest.approx([0, 1, 0, 0], abs=0.02)
    assert moved[3] == pytest.approx([0, 0, 0, 1], abs=0.02)


def test_a_residual_is_no_step_before_the_first_round():
    examples = build()
    config = ResidualConfig(n_rounds=1, rounds_between=1, learning_rate=1e-12)
    _, (up, _, shift) = next(iter_residuals(examples, config, 1))
    assert np.abs(up).max() < 1e-9
    assert np.abs(shift).max() < 1e-9


def test_slopes_are_those_that_finite_differences_find():
    rng = np.random.default_rng(7)
    n, dimension, rank, n_documents = 5, 6, 2, 9
    is_out = np.zeros((n, n_documents), dtype=bool)
    is_out[0, 3] = is_out[4, 8] = True
    batch = Batch(
        queries=to_unit(rng.normal(size=(n, dimension))).astype(float),
        documents=to_unit(rng.normal(size=(n_documents, dimension))).astype(float),
        positive=np.arange(n),
        is_out=is_out,
        weight=np.array([0.1, 0.3, 0.2, 0.2, 0.2]),
    )
    parts = tuple(
        rng.normal(size=shape) for shape in ((dimension, rank), (dimension, rank), (dimension,))
    )
    _, slopes = find_slope(parts, batch, 0.3)
    for place, slope in enumerate(slopes):
        for index in np.ndindex(slope.shape):
            ends = []
            for sign in (1, -1):
                moved = [part.copy() for part in parts]
                moved[place][index] += sign * 1e-6
                ends.append(find_slope(tuple(moved), batch, 0.3)[0])
            assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(slope[index], abs=1e-6)


def test_ndcg_is_what_the_field_measures():
    rng = np.random.default_rng(2)
    queries, documents = (to_unit(rng.normal(size=(n, 8))) for n in (20, 40))
    query, positive = np.repeat(np.arange(20), 3), rng.permutation(60) % 40
    pairs = np.unique(np.stack([query, positive], axis=1), axis=0)
    examples = AdapterExamples(
        queries, documents, pairs[:, 0], pairs[:, 1], np.ones(len(pairs)), NONE, NONE
    )
    keys = np.array([f"q{place:02d}" for place in range(20)])
    names = np.array([f"d{place:02d}" for place in range(40)])
    scores = (queries @ documents.T).astype(float)
    ranking = Ranking.from_scores(np.repeat(keys, 40), np.tile(names, 20), scores.ravel())
    judged = Judgments(keys[pairs[:, 0]], names[pairs[:, 1]], np.ones(len(pairs), np.int64))
    theirs = evaluate(judged, ranking, ["nDCG@10"]).values["nDCG@10"]
    assert measure_ndcg(examples, np.arange(20)) == pytest.approx(theirs)


def test_a_space_that_falls_into_one_point_is_not_taken_for_perfect():
    examples = build(n_queries=30)
    moved = np.zeros_like(examples.queries)
    assert measure_ndcg(examples, examples.asked, moved).max() == 0.0


def test_the_best_of_many_lucky_steps_is_not_chosen():
    lucky = [Trial("matrix", k, {}, 1.0, 0.6, gain=0.01, std_error=0.02) for k in range(50)]
    assert choose(lucky) is None


def test_a_step_at_the_cost_of_queries_that_want_other_documents_is_not_chosen():
    bold = Trial("matrix", 1, {}, 1.0, 0.7, 0.2, 0.01, gain_elsewhere=-0.03, n_elsewhere=40)
    careful = Trial("anchors", 0, {}, 1.0, 0.6, 0.1, 0.01, gain_elsewhere=0.0, n_elsewhere=40)
    assert choose([bold, careful]) is careful
    assert choose([bold]) is None


def test_of_equal_steps_the_careful_one_is_chosen():
    trials = [Trial("matrix", 0, {}, share, 0.6, 0.1, 0.01) for share in (0.25, 1.0)]
    assert choose(trials).share == 0.25


def test_too_few_queries_are_refused_with_what_would_do():
    examples = build(n_queries=19)
    with pytest.raises(NotEnoughDataError, match="19 different queries") as refused:
        train_adapter(examples, name(examples), "m", QUICK)
    assert "boost" in refused.value.hint


def test_many_pairs_of_one_query_are_too_few_queries():
    vectors = to_unit(np.random.default_rng(1).normal(size=(100, 8)))
    places = np.arange(100)
    examples = AdapterExamples(
        vectors[:1], vectors, np.zeros(100, np.int64), places, np.ones(100), NONE, NONE
    )
    with pytest.raises(NotEnoughDataError, match="1 different queries"):
        train_adapter(examples, ["q"], "m", QUICK)


def test_a_query_is_in_the_same_fold_whatever_is_beside_it():
    names = [f"query {k}" for k in range(1_000)]
    folds = draw_folds(names, 5)
    assert np.array_equal(draw_folds(names[500:], 5), folds[500:])
    assert np.bincount(folds).min() > 150


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("queries", np.full((2, 2), np.nan, np.float32)),
        ("documents", np.ones((2, 3), np.float32)),
        ("positive", np.array([0, 5])),
        ("weight", np.array([1.0, 0.0])),
        ("weight", np.array([1.0, np.nan])),
        ("negative", np.array([1])),
    ],
    ids=["nan", "dimension", "place", "zero", "nan-weight", "lonely"],
)
def test_examples_that_do_not_fit_are_refused(field, value):
    fields = {
        "queries": np.eye(2, dtype=np.float32),
        "documents": np.eye(2, dtype=np.float32),
        "query": np.arange(2),
        "positive": np.arange(2),
        "weight": np.ones(2),
        "negative_query": NONE,
        "negative": NONE,
    }
    with pytest.raises(TableError):
        AdapterExamples(**{**fields, field: value})


def test_settings_out_of_range_are_refused():
    with pytest.raises(SettingsError):
        ResidualConfig(temperature=0)
    with pytest.raises(SettingsError):
        AdapterConfig(n_folds=1)
