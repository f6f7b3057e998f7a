"""A real server that learns: killed on the way, cancelled, and asked to learn once more."""

import shutil
from contextlib import closing

import pytest
from tests.jobs.crash import Server, has_ended, survive
from tests.jobs.kiosk import open_kiosk

from rankloop.testing.small_encoder import write_encoder, write_pairs
from rankloop.wiring import open_engine

pytestmark = pytest.mark.slow

STAGES = {"stages": [{"type": "text_search", "top_k": 5}]}


@pytest.fixture(autouse=True, scope="module")
def _settings():
    """Let jobs be begun often, on a machine whose speed says nothing about a ranker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RANKLOOP_JOBS__MAX_ATTEMPTS", "6")
        patch.setenv("RANKLOOP_GATE__MAX_P95_MS", "5000")
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def log_folder(tmp_path_factory):
    """Return a data folder whose log is large enough for a ranker."""
    folder = tmp_path_factory.mktemp("kiosk")
    _, engine = open_kiosk(folder, 5_000, noise_sd=2.0, n_queries=220, n_documents=5)
    with closing(engine):
        engine.retrievers.put("kiosk", STAGES)
    return folder / "data"


@pytest.fixture
def serve_copy(tmp_path, free_port):
    """Return what serves a copy of a data folder."""
    made = []

    def make(folder):
        copy = tmp_path / f"copy-{len(made)}"
        shutil.copytree(folder, copy)
        made.append(Server(copy, free_port))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture(scope="module")
def learned(log_folder, tmp_path_factory):
    """Return a data folder that learned through three kills, the job and what serves after it."""
    folder = tmp_path_factory.mktemp("learned") / "data"
    shutil.copytree(log_folder, folder)
    server = Server(folder, find_port())
    try:
        job = survive(server, {"kind": "learn"}, kill_at=[0.05, 0.22, 0.92], timeout_s=500)
        models = server.get("/v1/models")["results"]
    finally:
        server.stop()
    return folder, job, models


def find_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_candidate(job, kind="ranker"):
    return next(one for one in job["result"]["candidates"] if one["kind"] == kind)


def list_states(server):
    return {one["model_id"]: one["state"] for one in server.get("/v1/models")["results"]}


def test_learning_that_is_killed_three_times_judges_one_ranker_once(learned):
    folder, job, models = learned
    ranker = find_candidate(job)

    assert (job["state"], job["attempts"]) == ("done", 4)
    assert ranker["decision"] == "promoted"
    assert job["result"]["promoted"] == ranker["model_id"]
    assert [(one["model_id"], one["state"]) for one in models] == [(ranker["model_id"], "promoted")]
    assert list((folder / "jobs").iterdir()) == []
    with closing(open_engine(folder)) as engine:
        steps = engine.models.catalog.history(ranker["model_id"])
    assert [step.state_after for step in steps] == ["trained", "shadow", "promoted"]


@pytest.mark.nightly
def test_learning_once_more_judges_against_what_serves_by_now(learned, serve_copy):
    folder, first, _ = learned
    serving = first["result"]["promoted"]
    server = serve_copy(folder)
    server.start()
    job_id = server.post("/v1/jobs", {"kind": "learn"})["job_id"]
    job = server.wait_for(job_id, has_ended, 500)

    again = find_candidate(job)
    assert job["state"] == "done"
    assert (job["result"]["promoted"], again["decision"]) == (None, "rejected")
    assert "it is not shown to be better" in again["why"]
    # The same log teaches the same, so beside the first one nothing is gained.
    assert find_candidate(first)["evidence"]["gain"]["value"] > 0.05
    assert abs(again["evidence"]["gain"]["value"]) < 0.02
    assert list_states(server) == {serving: "promoted", again["model_id"]: "rejected"}


def test_learning_that_is_cancelled_leaves_what_serves_and_no_model(learned, serve_copy):
    folder, first, _ = learned
    server = serve_copy(folder)
    server.start()
    job_id = server.post("/v1/jobs", {"kind": "learn"})["job_id"]
    server.wait_for(job_id, lambda job: job["progress"]["share"] >= 0.2)
    server.post(f"/v1/jobs/{job_id}/cancel")

    job = server.wait_for(job_id, has_ended, 500)
    assert (job["state"], job.get("result")) == ("cancelled", None)
    assert list_states(server) == {first["result"]["promoted"]: "promoted"}
    server.stop()
    assert list((server.folder / "jobs").iterdir()) == []


def test_an_evaluation_that_is_killed_ends_and_puts_the_model_nowhere(learned, serve_copy):
    folder, first, _ = learned
    model_id = first["result"]["promoted"]
    server = serve_copy(folder)
    server.start()
    server.post(f"/v1/models/{model_id}/rollback")
    server.stop()
    job = survive(server, {"kind": "evaluate", "model_id": model_id}, kill_at=[0.2])

    assert (job["state"], job["attempts"]) == ("done", 2)
    assert job["result"]["outcome"] == "shadow"
    assert job["result"]["evidence"]["gain"] == find_candidate(first)["evidence"]["gain"]
    assert list_states(server) == {model_id: "retired"}


def test_an_estimate_that_is_killed_ends(log_folder, serve_copy):
    server = serve_copy(log_folder)
    job = survive(server, {"kind": "estimate"}, kill_at=[0.1])

    assert (job["state"], job["attempts"]) == ("done", 2)
    assert job["result"]["status"] == "identified"


@pytest.mark.nightly
def test_an_encoder_is_trained_once_for_all_kills(tmp_path, free_port):
    base = str(write_encoder(tmp_path / "base"))
    server = Server(tmp_path / "data", free_port)
    pairs = [
        {"query": one.query, "positive_id": one.positive_id, "positive": one.positive}
        for one in write_pairs()
    ]
    fit = {"epochs": 15, "batch": 16, "learning_rate": 3e-3}
    body = {"kind": "train_encoder", "retriever_id": "dictionary", "base_model": base, **fit}
    try:
        job = survive(server, {**body, "pairs": pairs}, kill_at=[0.02, 0.5], timeout_s=500)
        models = server.get("/v1/models")["results"]
    finally:
        server.stop()

    assert (job["state"], job["attempts"]) == ("done", 3)
    assert [one["model_id"] for one in models] == [job["result"]["model_id"]]
    assert list((tmp_path / "data" / "jobs").iterdir()) == []
