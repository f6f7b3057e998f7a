"""Pairs: positives that serve, negatives that were seen and passed over, and why others are not."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from rankloop.bias.cells import Cells
from rankloop.errors import SettingsError, TableError
from rankloop.training.contrasts import ContrastConfig, cap_pairs
from rankloop.training.guards import GuardConfig
from rankloop.training.knowledge import Knowledge
from rankloop.training.labels import LabelConfig, fit_labels
from rankloop.training.negatives import NegativeConfig
from rankloop.training.pairs import PairConfig, mine_pairs
from rankloop.training.positives import PositiveConfig
from rankloop.training.priors import PriorConfig

LABELS = LabelConfig(prior=PriorConfig(kind="global"))
TOP = 3


def mine(cells, config=None, **known):
    """Mine pairs of cells whose one position is always looked at."""
    examination = np.ones(cells.n_positions)
    labels = fit_labels(cells, examination, LABELS)
    people = known.pop("people", labels.evidence.clicks)
    return mine_pairs(cells, examination, labels, Knowledge(people=people, **known), config)


def build_cells(**more):
    """Two queries: in each the first document is liked by half, the others by hardly anyone."""
    columns = {
        "query_key": ["q1"] * 3 + ["q2"] * 3,
        "document_id": ["a", "b", "c", "b", "d", "e"],
        "position": [0] * 6,
        "n": [400] * 6,
        "clicks": [200, 4, 4, 200, 4, 4],
    }
    return Cells.from_columns(columns | more)


def name_negatives(mined, cells):
    """Return the hard negatives of each positive."""
    return {
        str(cells.pairs.document_ids[place]): hard
        for place, hard in zip(mined.positive, mined.hard, strict=True)
    }


def removed(mined):
    """Return how many candidates for negatives each rule took."""
    return {each.rule: each.removed for each in mined.negative_removals}


def measure_false_negatives(collection, simulate, seed, n_searches=20_000):
    """Return false and all mined negatives, and the share of them by the naive rule."""
    log = simulate(collection, n_searches, np.random.default_rng(seed), noise=0.3)
    cells = log.to_cells()
    labels = fit_labels(cells, log.examination)
    knowledge = Knowledge(people=labels.evidence.clicks)
    mined = mine_pairs(cells, log.examination, labels, knowledge)
    grades = {
        (int(query), str(name)): grade
        for query, name, grade in zip(
            cells.pairs.query,
            cells.pairs.document_ids,
            log.true_of(cells, collection.grades),
            strict=True,
        )
    }
    negatives = {
        (int(query), name)
        for query, hard in zip(cells.pairs.query[mined.positive], mined.hard, strict=True)
        for name in hard
    }
    skipped = collection.grades[log.document[(log.position < TOP) & ~log.clicked]]
    false = sum(grades[pair] >= 2 for pair in negatives)
    return np.array([false, len(negatives)]), float((skipped >= 2).mean())


def test_mined_negatives_are_rarely_relevant_where_skipped_ones_often_are(graded, simulate):
    results = [measure_false_negatives(graded, simulate, seed) for seed in range(10)]
    false, mined = np.sum([counts for counts, _ in results], axis=0)
    assert mined > 150
    assert false / mined <= 0.10
    assert min(naive for _, naive in results) > 0.40


def test_the_same_holds_for_made_up_grades(make_collection, simulate):
    collection = make_collection(np.random.default_rng(1), n_queries=60)
    results = [measure_false_negatives(collection, simulate, seed) for seed in range(3)]
    false, mined = np.sum([counts for counts, _ in results], axis=0)
    assert mined > 100
    assert false / mined <= 0.10
    assert min(naive for _, naive in results) > 0.40


def test_positives_are_relevant(graded, simulate):
    log = simulate(graded, 20_000, np.random.default_rng(1), noise=0.3)
    cells = log.to_cells()
    labels = fit_labels(cells, log.examination)
    mined = mine_pairs(cells, log.examination, labels, Knowledge(labels.evidence.clicks))
    assert mined.positive.size > 20
    assert np.mean(log.true_of(cells, graded.grades)[mined.positive] >= 2) > 0.95


def test_a_pair_has_the_documents_that_were_seen_and_passed_over():
    cells = build_cells()
    assert name_negatives(mine(cells), cells) == {"a": ["b", "c"], "b": ["d", "e"]}


def test_random_negatives_were_never_shown_for_the_query():
    mined = mine(build_cells())
    assert [sorted(drawn) for drawn in mined.random] == [["d", "e"], ["a", "c"]]


def test_random_negatives_were_not_shown_for_a_query_that_means_the_same_either():
    mined = mine(build_cells(), query_groups=np.array([7, 7]))
    assert mined.random == [[], []]


def test_one_person_clicking_often_makes_no_positive():
    cells = build_cells()
    mined = mine(cells, people=np.array([1, 1, 1, 9, 1, 1]))
    assert [str(cells.pairs.document_ids[k]) for k in mined.positive] == ["b"]
    assert mined.positive_removals[0] == msgspec.structs.replace(
        mined.positive_removals[0], rule="few_people", removed=5
    )


def test_a_document_hardly_looked_at_is_no_negative():
    cells = build_cells(n=[400, 2, 400, 400, 400, 400], clicks=[200, 0, 4, 200, 4, 4])
    mined = mine(cells)
    assert name_negatives(mined, cells)["a"] == ["c"]
    assert removed(mined)["few_looks"] == 1


def test_a_document_that_became_relevant_is_no_negative():
    weeks = {
        "query_key": ["q"] * 4,
        "document_id": ["a", "b", "b", "c"],
        "position": [0] * 4,
        "week": [0, 0, 1, 0],
        "n": [800, 800, 8, 800],
        "clicks": [400, 4, 4, 4],
    }
    cells = Cells.from_columns(weeks)
    mined = mine(cells)
    assert name_negatives(mined, cells) == {"a": ["c"]}
    assert removed(mined)["later_clicked"] == 1


@pytest.mark.parametrize("field", ["is_clicked_elsewhere", "is_liked"])
def test_what_people_say_or_do_elsewhere_protects(field):
    cells = build_cells()
    mined = mine(cells, **{field: np.array([False, True, False, False, False, False])})
    assert name_negatives(mined, cells)["a"] == ["c"]


def test_a_disliked_document_is_no_positive():
    cells = build_cells()
    mined = mine(cells, is_disliked=np.array([True, False, False, False, False, False]))
    assert name_negatives(mined, cells) == {"b": ["d", "e"]}


def test_a_positive_of_a_query_that_means_the_same_is_no_negative():
    cells = build_cells()
    alike = mine(cells, query_groups=np.array([7, 7]))
    near = mine(cells, query_vectors=np.array([[1.0, 0.0], [1.0, 0.1]]))
    unlike = mine(cells, query_vectors=np.array([[1.0, 0.0], [0.0, 1.0]]))
    unknown = mine(cells, query_groups=np.array([-1, -1]))
    found = [name_negatives(each, cells)["a"] for each in (alike, near, unlike, unknown)]
    assert found == [["c"], ["c"], ["b", "c"], ["b", "c"]]


def test_a_near_copy_of_a_positive_is_no_negative():
    cells = build_cells()
    groups = mine(cells, document_groups=np.array([5, -1, 5, -1, -1]))
    vectors = np.array([[1.0, 0.0], [np.nan, np.nan], [1.0, 0.01], [0.0, 1.0], [0.0, 0.0]])
    near = mine(cells, document_vectors=vectors)
    assert name_negatives(groups, cells)["a"] == ["b"]
    assert name_negatives(near, cells)["a"] == ["b"]
    assert removed(near)["similar_to_positive"] == 1


def test_a_document_that_a_model_scores_like_the_positive_is_no_negative():
    cells = build_cells()
    scores = np.array([0.80, 0.77, 0.75, np.nan, 0.9, 0.9])
    mined = mine(cells, scores=scores)
    # The margin is 5% of .80: .77 is too close, .75 is not.
    assert name_negatives(mined, cells) == {"a": ["c"], "b": ["d", "e"]}


def test_positives_of_one_query_take_turns_with_its_negatives():
    columns = {
        "query_key": ["q"] * 6,
        "document_id": list("abcdef"),
        "position": [0] * 6,
        "n": [400] * 6,
        "clicks": [250, 240, 4, 4, 4, 4],
    }
    cells = Cells.from_columns(columns)
    mined = mine(cells, PairConfig(contrasts=ContrastConfig(max_hard=2)))
    assert name_negatives(mined, cells) == {"a": ["c", "d"], "b": ["e", "f"]}


def test_a_query_gives_no_more_pairs_than_its_caps():
    columns = {
        "query_key": ["q"] * 12,
        "document_id": [f"d{k:02d}" for k in range(12)],
        "position": [0] * 12,
        "week": [0] * 6 + [1] * 6,
        "n": [400] * 12,
        "clicks": [200] * 4 + [4, 4] + [200] * 4 + [4, 4],
    }
    cells = Cells.from_columns(columns)
    liked = PositiveConfig(overall_factor=1.0)
    by_week = mine(cells, PairConfig(liked, max_per_query_week=3))
    by_query = mine(cells, PairConfig(liked, max_per_query=5))
    assert by_week.positive.tolist() == [0, 1, 2, 6, 7, 8]
    assert by_query.positive.tolist() == [0, 1, 2, 3, 6]
    assert [(r.rule, r.removed) for r in by_week.positive_removals][-2:] == [
        ("week_cap", 2),
        ("query_cap", 0),
    ]


def test_caps_keep_the_weightiest():
    kept = cap_pairs(
        np.array([True, True, False, True]),
        np.array([0.1, 0.3, 0.9, 0.2]),
        (np.zeros(4, int),),
        2,
    )
    assert kept.tolist() == [False, True, False, True]


def test_the_same_log_gives_the_same_pairs(make_collection, simulate):
    log = simulate(make_collection(np.random.default_rng(1), 40), 8_000, np.random.default_rng(2))
    found = []
    for order in (slice(None), slice(None, None, -1)):
        columns = (x[order] for x in (log.document, log.position, log.clicked, log.week))
        cells = type(log)(log.collection, *columns, log.examination).to_cells()
        labels = fit_labels(cells, log.examination)
        mined = mine_pairs(cells, log.examination, labels, Knowledge(labels.evidence.clicks))
        found.append((mined.positive.tobytes(), mined.weight.tobytes(), mined.hard, mined.random))
    assert found[0] == found[1]


def test_a_positive_is_never_its_own_negative_and_weights_are_shares(make_collection, simulate):
    log = simulate(make_collection(np.random.default_rng(1), 40), 8_000, np.random.default_rng(2))
    cells = log.to_cells()
    labels = fit_labels(cells, log.examination)
    mined = mine_pairs(cells, log.examination, labels, Knowledge(labels.evidence.clicks))
    names = cells.pairs.document_ids[mined.positive]
    assert mined.positive.size
    assert all(
        name not in {*hard, *drawn}
        for name, hard, drawn in zip(names, mined.hard, mined.random, strict=True)
    )
    assert np.all((mined.weight > 0) & (mined.weight < 1))


def test_knowledge_of_other_pairs_is_refused():
    with pytest.raises(TableError, match="scores has 2 rows, 6 are needed"):
        mine(build_cells(), scores=np.ones(2))


@pytest.mark.parametrize(
    ("config", "values"),
    [
        (PositiveConfig, {"min_people": 0}),
        (PositiveConfig, {"min_probability": float("nan")}),
        (PositiveConfig, {"overall_factor": -1.0}),
        (NegativeConfig, {"min_looks": float("nan")}),
        (NegativeConfig, {"bound_share": 2.0}),
        (NegativeConfig, {"max_overall_ratio": float("nan")}),
        (GuardConfig, {"max_similarity": 0.0}),
        (GuardConfig, {"score_margin": float("nan")}),
        (ContrastConfig, {"random_ratio": float("nan")}),
        (PairConfig, {"max_per_query": 0}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else next(iter(value)),
)
def test_impossible_settings_are_refused_by_name(config, values):
    with pytest.raises(SettingsError, match=r"must be|must lie") as caught:
        config(**values)
    assert caught.value.where
