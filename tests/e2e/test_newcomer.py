"""A newcomer's first ten minutes: serve, send the mission's example, report; and the tutorial."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

EXAMPLE = {
    "feature_id": "doc_xyz789",
    "interaction_type": ["click"],
    "position": 3,
    "metadata": {"duration_ms": 4500, "query": "wireless earbuds"},
    "user_id": "user_123",
    "session_id": "sess_456",
}


def run(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "rankloop.cli.main", *words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def call(url, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, json.loads(answer.read() or b"null")


@pytest.fixture
def server(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "rankloop.cli.main", "serve", "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_the_missions_interaction_is_taken_found_and_reported(server, tmp_path):
    status, answer = call(f"{server}/v1/retrievers/interactions", EXAMPLE)
    assert (status, answer["status"]) == (201, "accepted")
    assert answer["interaction_id"]

    shown = [{"document_id": name} for name in ("a", "b", "c", "doc_xyz789")]
    search = {"query": "wireless earbuds", "session_id": "sess_9", "results": shown}
    _, searched = call(f"{server}/v1/searches", search)
    click = {**EXAMPLE, "session_id": "sess_9", "search_id": searched["search_id"]}
    call(f"{server}/v1/retrievers/interactions", click)

    _, found = call(f"{server}/v1/retrievers/interactions?feature_id=doc_xyz789")
    assert len(found["results"]) == 2
    assert all(row["user_id"].startswith("u~") for row in found["results"])
    _, found = call(f"{server}/v1/retrievers/interactions?user_id=user_123&limit=50")
    assert len(found["results"]) == 2

    done = run("report", "--url", server, "--json", cwd=tmp_path)
    report = json.loads(done.stdout)
    assert (report["searches"], report["interactions"]) == (1, 2)
    assert report["ctr"]["value"] == 1.0
    assert [row["clicks"] for row in report["ctr_by_position"]] == [0, 0, 0, 1]
    assert report["orphan_interactions"] == 1

    status, _ = call(
        f"{server}/v1/retrievers/interactions/{answer['interaction_id']}", method="DELETE"
    )
    assert status in {200, 204}
    done = run("report", "--url", server, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["interactions"] == 1


def test_a_wrong_field_is_refused_with_its_place(server):
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(f"{server}/v1/retrievers/interactions", {**EXAMPLE, "position": -1})
    problem = json.loads(refused.value.read())
    assert refused.value.code == 400
    assert problem["errors"][0]["pointer"] == "/position"


def test_the_demo_can_be_run_twice_and_leaves_one_server(tmp_path):
    words = ("demo", "--searches", "300", "--json")
    first = json.loads(run(*words, cwd=tmp_path).stdout)
    status, _ = call(f"{first['url']}/health/ready")
    assert status == 200
    # The second demo stops the server of the first, makes the folder anew and stops its own.
    second = json.loads(run(*words, "--once", cwd=tmp_path).stdout)
    with pytest.raises(urllib.error.URLError):
        call(f"{first['url']}/health/ready")
    assert second["url"] is None
    assert second["promoted"] is None
    assert second["truth"] == first["truth"]
    assert second["report"]["searches"] >= 300
    names = {path.name for path in (tmp_path / "demo-data").iterdir()}
    files = {"truth.ndjson", "before.ndjson", "after.ndjson", "learned.html", "demo.json"}
    assert files <= names
    # So few searches teach nothing, and the demo says so instead of promoting something.
    (ranker, *_) = second["learned"]["candidates"]
    assert ranker["decision"] == "not_trained"
    assert second["truth"]["ndcg_after"] == second["truth"]["ndcg_before"]


@pytest.mark.slow
def test_the_tutorial_runs_as_it_stands(repository, tmp_path, free_port):
    page = (repository / "docs" / "tutorial.md").read_text(encoding="utf-8")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE))
    # Jobs have groups of their own, as at a prompt; none outlives a script that fails half way.
    start = "set -emo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n"
    script = start + script.replace("8400", str(free_port))
    script = script.replace("--searches 4000", "--searches 400")
    here = Path(sys.executable).parent
    process = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{here}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    assert "What this log cannot tell" in process.stdout
    assert '"status":"accepted"' in process.stdout
    assert "2  duplicate" in process.stdout
    assert (tmp_path / "report.html").exists()
    assert (tmp_path / "clicks.csv.manifest.json").exists()
    assert "rows erased from interactions" in process.stdout
