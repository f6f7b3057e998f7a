"""Training that cannot be done, over HTTP: it fails with a type, and what served serves on."""

import time

import numpy as np
import pytest
from tests.api.conftest import Api

from rankloop.catalog.models import Decision
from rankloop.client.calls import encode
from rankloop.testing.trained import keep_adapter

MODEL = "text-embedding-3-small"
DIMENSION = 384
COLORS = ("red", "green", "yellow", "white")
THINGS = ("apples", "beans", "corn", "dates", "figs", "grapes", "kale", "onions", "pears", "tea")
PAIRS = [
    {
        "query": f"{color} {thing}",
        "positive_id": f"{color}-{thing}",
        "positive": f"dried {color} {thing}",
    }
    for color in COLORS
    for thing in THINGS
]
SERVING = "products@1+a1"


@pytest.fixture
def shop(tmp_path, embedding_server, monkeypatch):
    """Return the application over an index of that model, with a promoted adapter."""
    monkeypatch.setenv("RANKLOOP_EMBEDDERS__OPENAI__BASE_URL", embedding_server.base_url)
    monkeypatch.setenv("RANKLOOP_EMBEDDERS__OPENAI__MAX_RETRIES", "0")
    api = Api(tmp_path / "data")
    api.get("/health/ready")
    stages = [{"type": "vector_search"}]
    embedder = {"kind": "openai", "model": MODEL}
    api.engine.retrievers.put("products", {"stages": stages, "embedder": embedder})
    vectors = np.random.default_rng(1).standard_normal((len(PAIRS), DIMENSION)).tolist()
    rows = [
        {"document_id": one["positive_id"], "text": one["positive"], "vector": vector}
        for one, vector in zip(PAIRS, vectors, strict=True)
    ]
    api.engine.documents.upsert("products", [encode(row) for row in rows])
    still = np.eye(DIMENSION, dtype=np.float32)
    keep_adapter(api.engine.models, "a1", still, base=MODEL)
    api.engine.promotion.promote("a1", Decision("gate", "it is better"))
    yield api
    api.transport.close()


def fail(api, **body):
    """Return the problem that a job ends with."""
    answer = api.call("POST", "/v1/jobs", {"retriever_id": "products", **body})
    assert answer.status == 202, answer.body
    give_up_at = time.monotonic() + 120
    while True:
        job = api.get(f"/v1/jobs/{answer.json()['job_id']}").json()
        if job["state"] in ("done", "failed"):
            break
        assert time.monotonic() < give_up_at, job
        time.sleep(0.02)
    assert job["state"] == "failed"
    return job["problem"]


def check_as_before(api):
    """Check that there is no new model, and the one that served does."""
    models = api.get("/v1/models").json()["results"]
    assert [(one["model_id"], one["state"]) for one in models] == [("a1", "promoted")]
    found = api.call("POST", "/v1/retrievers/products/execute", {"query": "red figs"}).json()
    assert found["pipeline"] == SERVING


def test_an_endpoint_that_fails_half_way(shop, embedding_server):
    embedding_server.behave(statuses=[200, 500])
    others = [{**one, "positive_id": None} for one in PAIRS]
    problem = fail(shop, kind="train_adapter", pairs=others * 2)
    embedding_server.behave()

    assert problem["code"] == "unavailable"
    assert problem["hint"]
    check_as_before(shop)


def test_a_base_model_of_another_dimension_than_the_index(shop, embedding_server):
    embedding_server.behave(cut=84)
    problem = fail(shop, kind="train_adapter", pairs=PAIRS, base_model="shorter")
    embedding_server.behave()

    assert problem["code"] == "conflict"
    assert "300 numbers" in problem["detail"]
    assert "384 numbers" in problem["detail"]
    check_as_before(shop)


def test_one_query_only(shop):
    problem = fail(shop, kind="train_adapter", pairs=[{**one, "query": "figs"} for one in PAIRS])

    assert problem["code"] == "not_enough_data"
    assert "20" in problem["detail"]
    assert problem["hint"]
    check_as_before(shop)


@pytest.mark.parametrize("kind", ["train_adapter", "train_ranker"])
def test_a_log_that_is_empty(shop, kind):
    problem = fail(shop, kind=kind)

    assert problem["code"] == "not_enough_data"
    assert problem["hint"]
    check_as_before(shop)


def test_a_model_that_was_tampered_with_is_not_evaluated(shop):
    keep_adapter(shop.engine.models, "a2", np.eye(DIMENSION, dtype=np.float32), base=MODEL)
    (shop.engine.models.folders.path_of("a2") / "matrix.npy").write_bytes(b"other")
    problem = fail(shop, kind="evaluate", model_id="a2", admit=True)

    assert problem["code"] == "conflict"
    assert "matrix.npy was changed" in problem["detail"]
    assert shop.get("/v1/models/a2").json()["state"] == "trained"
    shop.engine.models.folders.remove("a2")
