"""A ranker that serves takes part in every pipeline, and what it saw goes with the answer."""

from dataclasses import replace
from datetime import UTC, datetime

import lightgbm
import numpy as np
import pytest

from rankloop.models.feature_spec import FeatureSpec
from rankloop.models.manifest import Manifest
from rankloop.models.ranker import Ranker
from rankloop.models.shelf import LoadedModel, ServingModels
from rankloop.retrieval.pipeline import Pipeline
from rankloop.retrieval.specification import read_pipeline
from rankloop.testing.stage_contract import build_candidates, build_query

SPEC = FeatureSpec(numbers=("price",))
FIND = {"type": "text_search", "top_k": 10}
QUERY = build_query(text="running shoes")


@pytest.fixture
def dear(parts, tmp_path):
    """Return parts in which a ranker serves that prefers what costs much."""
    x = np.full((40, len(SPEC.names)), np.nan)
    x[:, SPEC.names.index("number.price")] = np.repeat([10.0, 100.0], 20)
    settings = {"objective": "poisson", "min_data_in_leaf": 1, "verbose": -1}
    trees = lightgbm.train(settings, lightgbm.Dataset(x, np.repeat([1.0, 9.0], 20)), 5)
    SPEC.save(tmp_path)
    manifest = Manifest(
        model_id="m1",
        kind="ranker",
        retriever_id="products",
        base="products@1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        code_version="0.1",
    )
    ranker = Ranker(trees, list(SPEC.names))
    loaded = {"ranker": LoadedModel(manifest, tmp_path, ranker)}
    return replace(parts, models=ServingModels.of(loaded))


def run(parts, *stages, **asked):
    return Pipeline(read_pipeline({"stages": list(stages)}), parts).run(
        QUERY, **{"limit": 10, **asked}
    )


def names(outcome):
    return [result.document_id for result in outcome.results]


def test_a_ranker_takes_part_where_no_stage_was_configured_for_it(parts, dear):
    before = names(run(parts, FIND))
    found = run(dear, FIND)
    assert names(found)[-1] != before[-1]
    assert "-1:model" in found.stage_ms


def test_it_stands_behind_the_last_stage_that_finds(dear):
    found = run(dear, FIND, {"type": "diversify"}, explain=True)
    assert [step.stage for step in found.results[0].explain] == [
        "text_search",
        "model",
        "diversify",
    ]


def test_it_stands_where_it_was_put(dear):
    found = run(dear, FIND, {"type": "diversify"}, {"type": "model"})
    assert [name for name in found.stage_ms if name.endswith("model")] == ["2:model"]


def test_an_explanation_names_what_each_feature_added(dear):
    step = run(dear, FIND, explain=True).results[0].explain[1]
    assert list(step.notes["contributions"]) == ["number.price"]
    assert step.notes["features"]["score"] == pytest.approx(step.score_before, abs=1e-3)


def test_what_was_seen_of_the_results_goes_with_the_page(dear):
    found = run(dear, FIND, limit=2, offset=1)
    assert found.seen.document_ids == tuple(names(found))
    column = found.seen.names.index("number.price")
    prices = [result.payload["price"] for result in found.results]
    assert found.seen.values[:, column].tolist() == prices


def test_features_are_seen_where_the_stage_stands_without_a_ranker(parts):
    found = run(parts, FIND, {"type": "model"})
    assert names(found) == names(run(parts, FIND))
    assert "match.brand" in found.seen.names
    assert run(parts, FIND).seen is None


def test_a_ranker_orders_candidates_of_another_engine(dear):
    pipeline = Pipeline(read_pipeline({"stages": []}), dear)
    given = build_candidates(2, document_ids=("c", "d"))
    assert names(pipeline.rerank(QUERY, given, limit=2)) == ["d", "c"]


def test_a_ranker_that_fails_leaves_the_order_as_it_was(parts, dear):
    def fail(features):
        raise ValueError(features.shape)

    dear.models.ranker.score = fail
    found = run(dear, FIND)
    assert names(found) == names(run(parts, FIND))
    assert [(one.stage, one.reason) for one in found.skipped_stages] == [("model", "failed")]
