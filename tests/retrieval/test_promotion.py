"""Encoders in and out of service: documents are embedded anew, and the switch is one step."""

import time
from datetime import UTC, datetime

import lightgbm
import numpy as np
import pytest

from rankloop.catalog.models import Decision
from rankloop.client.calls import encode
from rankloop.errors import ConflictError, NotFoundError, SettingsError
from rankloop.models.feature_spec import FEATURES_FILE, FeatureSpec
from rankloop.models.manifest import Manifest
from rankloop.models.ranker import Ranker
from rankloop.retrieval.serving import Page, RankingRequest
from rankloop.settings import load_settings
from rankloop.stages.base import Query
from rankloop.testing.trained import keep_adapter
from rankloop.wiring import open_engine

BETTER = Decision("gate", "it is better")
ENDPOINT = "text-embedding-3-small"
BY_VECTOR = {"stages": [{"type": "vector_search"}]}
TEXTS = {"cat": "a kitten lay on a rug", "money": "stock markets fell"}


@pytest.fixture
def start(data_folder, embedding_server):
    """Return what opens the data folder, with an endpoint for vectors."""
    overrides = {"embedders.openai.base_url": embedding_server.base_url}
    opened = []

    def start():
        opened.append(open_engine(data_folder, load_settings(environment={}, overrides=overrides)))
        return opened[-1]

    yield start
    opened[-1].close()


@pytest.fixture
def engine(start):
    """Return an engine over documents whose vectors the endpoint made."""
    engine = start()
    embedder = {"kind": "openai", "model": ENDPOINT}
    engine.serving.configure("products", {**BY_VECTOR, "embedder": embedder})
    items = [encode({"document_id": name, "text": text}) for name, text in TEXTS.items()]
    assert engine.documents.upsert("products", items).accepted == 2
    return engine


def keep(engine, source, model_id, kind, **changes):
    manifest = Manifest(
        model_id=model_id,
        kind=kind,
        retriever_id="products",
        base=ENDPOINT,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        code_version="0.1",
        **changes,
    )
    engine.models.keep(manifest, source)


def keep_encoder(engine, source):
    keep(engine, source, "e1", "encoder", dimension=384)


@pytest.fixture
def ranker_folder(tmp_path):
    """Return the folder of a ranker that prefers what costs much."""
    spec = FeatureSpec(numbers=("price",))
    x = np.full((40, len(spec.names)), np.nan)
    x[:, spec.names.index("number.price")] = np.repeat([10.0, 100.0], 20)
    settings = {"objective": "poisson", "min_data_in_leaf": 1, "verbose": -1}
    trees = lightgbm.train(settings, lightgbm.Dataset(x, np.repeat([1.0, 9.0], 20)), 5)
    folder = tmp_path / "ranker"
    folder.mkdir()
    spec.save(folder)
    Ranker(trees, list(spec.names)).save(folder)
    return folder


def ask(engine):
    now = datetime(2026, 1, 2, tzinfo=UTC)
    query = Query(retriever_id="products", text="a cat on a mat", query_key="q", now=now)
    return engine.serving.rank(RankingRequest(query, Page(2, 0)))


def rank(engine):
    """Return the name of what ranks."""
    return ask(engine).pipeline


def wait_for(engine, name):
    """Rank until a pipeline is in use and finds by meaning; return who ranked last.

    On a busy machine the query's vector may be late, and the ranking goes without it.
    """
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ranked = ask(engine)
        found = [result.document_id for result in ranked.outcome.results]
        if ranked.pipeline == name and found == ["cat", "money"]:
            break
        time.sleep(0.02)
    return ranked.pipeline


def test_an_encoder_serves_until_the_documents_were_embedded_with_another(engine, minilm_folder):
    keep_adapter(engine.models, "a1", np.eye(384, dtype=np.float32), base=ENDPOINT)
    keep_encoder(engine, minilm_folder)
    engine.promotion.promote("a1", BETTER)
    assert rank(engine) == "products@1+a1"

    engine.promotion.promote("e1", BETTER)
    assert wait_for(engine, "products@1+e1") == "products@1+e1"
    index = engine.documents.open("products")
    assert (index.model_id.partition("@")[0], index.count()) == ("e1", 2)
    # The adapter of the endpoint's vectors rests meanwhile, and it is said why.
    said = str(engine.models.failure("a1"))
    assert (ENDPOINT in said, "e1@" in said) == (True, True)

    assert engine.promotion.roll_back("e1", "it is slow") is None
    assert wait_for(engine, "products@1+a1") == "products@1+a1"
    assert (index.model_id, engine.models.failure("a1")) == (ENDPOINT, None)


def test_an_adapter_of_another_model_is_refused_and_both_are_named(engine):
    keep_adapter(engine.models, "a1", np.eye(384, dtype=np.float32), base="another-model")

    with pytest.raises(ConflictError, match=r"(?s)another-model.*text-embedding-3-small"):
        engine.promotion.promote("a1", BETTER)
    assert engine.models.catalog.find("a1").state == "trained"
    assert rank(engine) == "products@1"


def make_empty(tmp_path):
    """Return a folder with no model in it."""
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "readme.txt").write_text("no model")
    return folder


def test_an_encoder_that_cannot_be_loaded_is_refused(engine, tmp_path):
    keep_encoder(engine, make_empty(tmp_path))

    with pytest.raises(SettingsError):
        engine.promotion.promote("e1", BETTER)
    assert engine.models.catalog.find("e1").state == "trained"
    assert rank(engine) == "products@1"


def test_an_encoder_is_refused_where_vectors_were_sent(start, tmp_path):
    engine = start()
    engine.serving.configure("products", BY_VECTOR)
    items = [encode({"document_id": "d1", "text": "x", "vector": [1.0, 0.0]})]
    engine.documents.upsert("products", items)
    keep_encoder(engine, make_empty(tmp_path))

    with pytest.raises(ConflictError, match="were sent"):
        engine.promotion.promote("e1", BETTER)


def test_embedding_that_a_death_broke_off_is_ended_after_a_restart(engine, start, minilm_folder):
    keep_encoder(engine, minilm_folder)
    engine.models.catalog.promote("e1", BETTER)
    engine.close()
    again = start()
    again.serving.warm()

    assert wait_for(again, "products@1+e1") == "products@1+e1"


@pytest.fixture
def priced(start):
    """Return an engine that finds two documents by words, the cheap one first."""
    engine = start()
    engine.serving.configure("products", {"stages": [{"type": "text_search"}]})
    documents = [("cheap", "a cat on a mat", 10), ("dear", "a cat somewhere else entirely", 100)]
    items = [
        encode({"document_id": name, "text": text, "payload": {"price": price}})
        for name, text, price in documents
    ]
    engine.documents.upsert("products", items)
    return engine


def order(engine):
    return [result.document_id for result in ask(engine).outcome.results]


def test_a_promoted_ranker_orders_what_was_found_until_it_is_rolled_back(priced, ranker_folder):
    keep(priced, ranker_folder, "r1", "ranker")
    assert order(priced) == ["cheap", "dear"]
    priced.promotion.promote("r1", BETTER)
    assert (rank(priced), order(priced)) == ("products@1+r1", ["dear", "cheap"])
    priced.promotion.roll_back("r1", "it is slow")

    assert (rank(priced), order(priced)) == ("products@1", ["cheap", "dear"])


@pytest.mark.parametrize("name", [FEATURES_FILE, "trees.txt", "ranker.json"])
def test_a_ranker_with_a_part_missing_is_refused(priced, ranker_folder, name):
    (ranker_folder / name).unlink()
    keep(priced, ranker_folder, "r1", "ranker")

    with pytest.raises(ConflictError):
        priced.promotion.promote("r1", BETTER)
    assert priced.models.catalog.find("r1").state == "trained"
    assert rank(priced) == "products@1"


def test_a_pipeline_can_be_tried_with_other_models_than_the_promoted_ones(engine):
    for name in ("a1", "a2"):
        keep_adapter(engine.models, name, np.eye(384, dtype=np.float32), base=ENDPOINT)
    engine.promotion.promote("a1", BETTER)

    def tried(models=None):
        return engine.serving.pipeline("products", models).model_ids

    assert (tried(), tried({"adapter": None}), tried({"adapter": "a2"})) == (("a1",), (), ("a2",))
    assert rank(engine) == "products@1+a1"


def test_what_cannot_rank_is_not_tried(engine):
    keep_adapter(engine.models, "a1", np.eye(3, dtype=np.float32), base=ENDPOINT)

    with pytest.raises(ConflictError, match="is of kind 'adapter', not 'ranker'"):
        engine.serving.pipeline("products", {"ranker": "a1"})
    with pytest.raises(ConflictError, match="vectors of 3"):
        engine.serving.pipeline("products", {"adapter": "a1"})
    with pytest.raises(ConflictError, match=f"not of 'e1', but of '{ENDPOINT}'"):
        engine.serving.pipeline("products", {"encoder": "e1"})
    with pytest.raises(NotFoundError, match="'a9'"):
        engine.serving.pipeline("products", {"adapter": "a9"})
    with pytest.raises(NotFoundError, match="'nobody'"):
        engine.serving.pipeline("nobody")
