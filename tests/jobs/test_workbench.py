"""An encoder on trial ranks a copy of the documents; those that serve stay as they are."""

from contextlib import closing
from datetime import UTC, datetime

import msgspec
import pytest

from rankloop.errors import ConflictError
from rankloop.jobs.workbench import Workbench
from rankloop.models.manifest import Manifest
from rankloop.stages.base import Query
from rankloop.testing.small_encoder import ANSWERED, ASKED, DIMENSION, write_encoder
from rankloop.wiring import open_engine

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Return two encoders that agree in nothing but their length."""
    folder = tmp_path_factory.mktemp("encoders")
    return [write_encoder(folder / str(seed), seed) for seed in (5, 6)]


@pytest.fixture
def engine(tmp_path, encoders):
    with closing(open_engine(tmp_path / "data")) as opened:
        spec = {"kind": "local", "model": str(encoders[0])}
        opened.retrievers.put("products", {"stages": [{"type": "vector_search"}], "embedder": spec})
        rows = [{"document_id": word, "text": word} for word in (*ASKED, *ANSWERED)]
        opened.documents.upsert("products", [msgspec.json.encode(row) for row in rows])
        yield opened


def keep(engine, source, model_id="encoder-2", retriever_id="products"):
    manifest = Manifest(
        model_id=model_id,
        kind="encoder",
        retriever_id=retriever_id,
        base="small",
        created_at=NOW,
        code_version="test",
        dimension=DIMENSION,
    )
    return engine.models.keep(manifest, source)


def find(pipeline):
    query = Query("products", ASKED[0], "key", NOW, depth=5)
    return [(one.document_id, round(one.score, 3)) for one in pipeline.run(query, limit=5).results]


def test_an_encoder_ranks_a_copy_and_leaves_the_documents_alone(engine, encoders, tmp_path):
    manifest = keep(engine, encoders[1])
    before = engine.documents.open("products").model_id
    usual = find(engine.serving.pipeline("products"))
    with Workbench(engine.serving, engine.documents, engine.models, tmp_path) as bench:
        old, new = bench.build(manifest)
        again, _ = bench.build(manifest)

        assert find(old) == find(again) == usual
        assert find(new) != usual
        assert find(new)[0][0] == ASKED[0]

    assert engine.documents.open("products").model_id == before
    assert find(engine.serving.pipeline("products")) == usual


def test_an_encoder_does_not_go_with_vectors_that_were_sent(engine, encoders, tmp_path):
    engine.retrievers.put("sent", {"stages": [{"type": "vector_search"}]})
    row = {"document_id": "d", "vector": [1.0] * DIMENSION}
    engine.documents.upsert("sent", [msgspec.json.encode(row)])
    manifest = keep(engine, encoders[1], "encoder-3", "sent")
    with (
        Workbench(engine.serving, engine.documents, engine.models, tmp_path) as bench,
        pytest.raises(ConflictError, match="vectors of"),
    ):
        bench.build(manifest)
