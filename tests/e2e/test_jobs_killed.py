"""A real server killed in the middle of jobs: finished steps stay done, no process is left."""

import textwrap
import time
from pathlib import Path

import pytest
from tests.jobs.crash import Server, has_ended, survive

KINDS = """
    import os
    import pathlib
    import time

    from rankloop.jobs.kinds import KINDS, JobKind
    from rankloop.jobs.parameters import JobParameters
    from rankloop.jobs.processes import run_child

    diary = pathlib.Path(__file__).with_name("diary.txt")


    def note(text):
        with diary.open("a") as file:
            file.write(text + "\\n")
        return text


    def in_steps(context, parameters):
        for number in range(4):
            context.report(number / 4, f"at {number}")
            time.sleep(0.3)
            context.step(f"step {number}", lambda: note(f"step {number}"))
        return {"steps": 4}


    def in_child(context, parameters):
        return run_child(context, "killed_tasks:count", context.folder)


    for run in (in_steps, in_child):
        KINDS[run.__name__] = JobKind(JobParameters, lambda parts, run=run: run)
"""

TASKS = """
    import os
    import time


    def count(folder, report):
        pids, checkpoint = folder.parents[3] / "pids.txt", folder / "checkpoint"
        with pids.open("a") as file:
            file.write(f"{os.getpid()}\\n")
        first = int(checkpoint.read_text()) if checkpoint.exists() else 0
        for number in range(first, 20):
            # Whole or not at all: a kill may come between any two instructions.
            (folder / "next").write_text(str(number))
            (folder / "next").replace(checkpoint)
            report(number / 20, "counting")
            time.sleep(0.1)
        return {"began_at": first}
"""


COLORS = ("red", "green", "yellow", "white", "black")
THINGS = ("apples", "beans", "corn", "dates", "figs", "grapes", "lentils", "onions", "pears", "tea")


@pytest.fixture
def server(tmp_path, free_port, monkeypatch):
    (tmp_path / "kinds.py").write_text(textwrap.dedent(KINDS))
    (tmp_path / "killed_tasks.py").write_text(textwrap.dedent(TASKS))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = Server(tmp_path / "data", free_port, tmp_path / "kinds.py")
    yield server
    server.stop()


def read_pids(tmp_path):
    return [int(line) for line in (tmp_path / "pids.txt").read_text().split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid):
    give_up_at = time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


@pytest.mark.slow
def test_finished_steps_are_not_done_again_after_two_kills(server, tmp_path):
    job = survive(server, {"kind": "in_steps"}, kill_at=[0.25, 0.75])

    assert (job["state"], job["result"], job["attempts"]) == ("done", {"steps": 4}, 3)
    diary = (tmp_path / "diary.txt").read_text().splitlines()
    assert diary == [f"step {number}" for number in range(4)]
    assert sum("the process ended" in line["text"] for line in job["log"]) == 2


@pytest.mark.slow
def test_a_child_ends_with_its_server_and_goes_on_where_it_was(server, tmp_path):
    job = survive(server, {"kind": "in_child"}, kill_at=[0.3])
    killed, last = read_pids(tmp_path)

    wait_until_gone(killed)
    assert job["state"] == "done"
    assert job["result"]["began_at"] >= 6
    wait_until_gone(last)
    server.stop()
    assert list((server.folder / "jobs").iterdir()) == []


@pytest.mark.slow
def test_cancelling_kills_the_child(server, tmp_path):
    server.start()
    job_id = server.post("/v1/jobs", {"kind": "in_child"})["job_id"]
    server.wait_for(job_id, lambda job: job["progress"]["share"] > 0.1)
    server.post(f"/v1/jobs/{job_id}/cancel")

    assert server.wait_for(job_id, has_ended)["state"] == "cancelled"
    wait_until_gone(read_pids(tmp_path)[0])


@pytest.mark.slow
def test_a_server_that_is_told_to_stop_does_so_at_once_and_the_job_goes_on_later(server, tmp_path):
    server.start()
    job_id = server.post("/v1/jobs", {"kind": "in_child"})["job_id"]
    server.wait_for(job_id, lambda job: job["progress"]["share"] > 0.1)
    began = time.monotonic()
    server.stop()
    took_s = time.monotonic() - began
    server.start()

    job = server.wait_for(job_id, has_ended)
    assert took_s < 10
    assert (job["state"], job["attempts"]) == ("done", 1)
    assert job["result"]["began_at"] >= 2
    wait_until_gone(read_pids(tmp_path)[0])


@pytest.mark.slow
def test_an_adapter_is_trained_once_for_all_kills(
    tmp_path, free_port, embedding_server, monkeypatch
):
    monkeypatch.setenv("RANKLOOP_EMBEDDERS__OPENAI__BASE_URL", embedding_server.base_url)
    things = [f"{color} {thing}" for color in COLORS for thing in THINGS]
    pairs = [
        {
            "query": thing,
            "positive_id": f"dried-{thing}",
            "positive": f"dried {thing}",
            "negative_ids": [f"fresh-{thing}"],
            "negatives": [f"fresh {thing}"],
        }
        for thing in things
    ]
    body = {
        "kind": "train_adapter",
        "retriever_id": "products",
        "base_model": "text-embedding-3-small",
        "pairs": pairs,
    }
    server = Server(tmp_path / "data", free_port)
    try:
        job = survive(server, body, kill_at=[0.1, 0.42])
        models = server.get("/v1/models")["results"]
    finally:
        server.stop()

    assert (job["state"], job["attempts"], job["parameters"].get("pairs")) == ("done", 3, None)
    assert [model["model_id"] for model in models] == [job["result"]["model_id"]]
    assert list((tmp_path / "data" / "jobs").iterdir()) == []
