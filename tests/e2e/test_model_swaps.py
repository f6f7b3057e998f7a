"""A running server changes models between two requests, and none of them fails."""

import subprocess
import sys
import threading
import time
from collections import Counter

import httpx2
import numpy as np
import pytest

from rankloop.catalog.models import Decision
from rankloop.client.calls import encode
from rankloop.testing.trained import keep_adapter
from rankloop.wiring import open_engine

EXECUTE = "/v1/retrievers/products/execute"
TURN = np.array([[0.0, -1.0], [1.0, 0.0]], np.float32)
STAY = np.eye(2, dtype=np.float32)
N_ROUNDS = 12
FIRST = {"products@1": "east", "products@1+turn": "north", "products@1+stay": "east"}
"""What stands first for a query that points east, by who ranked."""


@pytest.fixture
def folder(data_folder):
    """Return a data folder with two adapters that the gate has let pass."""
    engine = open_engine(data_folder)
    engine.serving.configure("products", {"stages": [{"type": "vector_search"}]})
    documents = [
        {"document_id": "east", "text": "east", "vector": [1.0, 0.1]},
        {"document_id": "north", "text": "north", "vector": [0.1, 1.0]},
    ]
    engine.documents.upsert("products", [encode(one) for one in documents])
    for name, matrix in (("turn", TURN), ("stay", STAY)):
        keep_adapter(engine.models, name, matrix)
        engine.models.catalog.move(name, "shadow", Decision("gate", "it is better"))
    engine.close()
    return data_folder


class Server:
    """`rankloop serve` in a process of its own."""

    def __init__(self, folder, port):
        self.url = f"http://127.0.0.1:{port}"
        words = ["serve", "--data", str(folder), "--port", str(port)]
        command = [sys.executable, "-m", "rankloop.cli.main", *words]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.http = httpx2.Client(base_url=self.url, timeout=60)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                self.http.get("/health/live")
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the server did not start")

    def change(self, model_id, step):
        answer = self.http.post(f"/v1/models/{model_id}/{step}")
        assert answer.status_code == 200, answer.text

    def search(self):
        return search(self.http)

    def end(self, kill=False):
        self.http.close()
        self.process.kill() if kill else self.process.terminate()
        self.process.wait(timeout=60)


def search(http):
    answer = http.post(EXECUTE, json={"query": "", "vector": [1.0, 0.0], "user_id": "ann"})
    assert answer.status_code == 200, answer.text
    return answer.json()


class Searcher(threading.Thread):
    """Searches without a pause, and notes what was answered."""

    def __init__(self, url):
        super().__init__()
        self.url = url
        self.is_over = threading.Event()
        self.answers = []
        self.failures = []

    def run(self):
        with httpx2.Client(base_url=self.url, timeout=60) as http:
            while not self.is_over.is_set():
                try:
                    self.answers.append(search(http))
                except (AssertionError, httpx2.TransportError) as error:
                    self.failures.append(repr(error))


def test_no_request_fails_while_models_are_promoted_and_rolled_back(folder, free_port):
    server = Server(folder, free_port)
    searchers = [Searcher(server.url) for _ in range(4)]
    seen = []
    try:
        for searcher in searchers:
            searcher.start()
        for _ in range(N_ROUNDS):
            for model, step in (
                ("turn", "promote"),
                ("stay", "promote"),
                ("stay", "rollback"),
                ("turn", "rollback"),
            ):
                server.change(model, step)
                seen.append(server.search()["pipeline"])
    finally:
        for searcher in searchers:
            searcher.is_over.set()
            searcher.join()
    answers = [answer for searcher in searchers for answer in searcher.answers]
    logged = server.http.get("/v1/users/ann/export").json()["searches"]
    server.end()

    assert [failure for searcher in searchers for failure in searcher.failures] == []
    # What was changed is in use as soon as the change was answered.
    one_round = ["products@1+turn", "products@1+stay", "products@1+turn", "products@1"]
    assert seen == one_round * N_ROUNDS
    # Each answer is of one pipeline, and says of which.
    assert [one for one in answers if one["skipped_stages"] or "is_logged" in one] == []
    firsts = {(one["pipeline"], one["results"][0]["document_id"]) for one in answers}
    assert firsts <= set(FIRST.items())
    assert len({pipeline for pipeline, _ in firsts}) > 1
    counted = Counter(one["pipeline"] for one in answers) + Counter(seen)
    assert Counter(row["pipeline_version"] for row in logged) == counted


def test_what_was_promoted_when_the_server_was_killed_serves_when_it_is_back(folder, free_port):
    server = Server(folder, free_port)
    server.change("turn", "promote")
    server.end(kill=True)

    again = Server(folder, free_port)
    answer = again.search()
    again.change("turn", "rollback")
    after = again.search()
    again.end()

    assert (answer["pipeline"], after["pipeline"]) == ("products@1+turn", "products@1")
