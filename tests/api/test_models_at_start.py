"""What a server does that starts with models on record: it serves, with them or without."""

import logging

import numpy as np
import pytest

from rankloop.api.local import LocalEngine, LocalTransport
from rankloop.catalog.models import Decision
from rankloop.client.calls import Call, encode
from rankloop.testing.trained import keep_adapter
from rankloop.wiring import open_engine

TURN = np.array([[0.0, -1.0], [1.0, 0.0]], np.float32)
PRODUCTS = "/v1/retrievers/products"


@pytest.fixture
def folder(tmp_path):
    """Return a data folder with a promoted adapter, closed."""
    engine = open_engine(tmp_path / "data")
    engine.serving.configure("products", {"stages": [{"type": "vector_search"}]})
    documents = [{"document_id": "east", "text": "east", "vector": [1.0, 0.0]}]
    engine.documents.upsert("products", [encode(one) for one in documents])
    keep_adapter(engine.models, "a1", TURN)
    engine.promotion.promote("a1", Decision("gate", "it is better"))
    engine.close()
    return tmp_path / "data"


class Started:
    """The application over a folder."""

    def __init__(self, folder):
        self.local = LocalEngine(folder)
        self.transport = LocalTransport(self.local)

    def call(self, method, path, body=None):
        answer = self.transport.send(Call(method, path, body=encode(body) if body else b""))
        assert answer.status == 200, answer.body
        return answer.body.decode()


@pytest.fixture
def start(folder):
    opened = []

    def start():
        opened.append(Started(folder))
        return opened[-1]

    yield start
    for one in opened:
        one.transport.close()


def search(started):
    return started.call("POST", f"{PRODUCTS}/execute", {"query": "", "vector": [1.0, 0.0]})


def test_what_was_promoted_serves_after_a_restart(start):
    started = start()

    assert '"products@1+a1"' in search(started)
    assert '"models_not_serving":0' in started.call("GET", "/health/ready")


def test_a_model_that_cannot_be_loaded_is_done_without_and_it_is_said(start, folder, caplog):
    (folder / "models" / "a1" / "matrix.npy").write_bytes(b"other")
    started = start()
    with caplog.at_level(logging.WARNING):
        answer = search(started)

    assert '"products@1"' in answer
    assert "model_not_serving model=a1 error=conflict" in caplog.text
    assert '"models_not_serving":1' in started.call("GET", "/health/ready")
    shown = started.call("GET", "/v1/models")
    assert "matrix.npy was changed" in shown
    assert '"is_serving":true' not in shown


def test_a_model_that_cannot_be_loaded_can_be_rolled_back(start, folder):
    (folder / "models" / "a1" / "matrix.npy").unlink()
    started = start()
    search(started)
    started.call("POST", "/v1/models/a1/rollback")

    assert '"models_not_serving":0' in started.call("GET", "/health/ready")


def test_a_folder_that_was_left_unfinished_is_removed(start, folder):
    unfinished = folder / "models" / "a2.unfinished"
    unfinished.mkdir()
    (unfinished / "matrix.npy").write_bytes(b"half")
    started = start()

    assert not unfinished.exists()
    assert "a2" not in started.call("GET", "/v1/models")
    assert '"products@1+a1"' in search(started)
