"""Jobs over HTTP: taken in, watched, cancelled, refused with a pointer."""

import time

import pytest

from rankloop.jobs.kinds import KINDS, JobKind
from rankloop.jobs.parameters import JobParameters

JOBS = "/v1/jobs"


class WaitParameters(JobParameters, frozen=True, kw_only=True):
    """Wait until it is cancelled."""

    pairs: tuple[str, ...] = ()


def wait_until_stopped(context, parameters):
    context.log(f"{len(parameters.pairs)} pairs")
    context.report(0.25, "waiting")
    while True:
        context.check()
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def waiting_kind(monkeypatch):
    kind = JobKind(WaitParameters, lambda parts: wait_until_stopped, frozenset({"pairs"}))
    monkeypatch.setitem(KINDS, "wait", kind)


def wait_for(api, job_id, condition):
    give_up_at = time.monotonic() + 20
    while True:
        job = api.get(f"{JOBS}/{job_id}").json()
        if condition(job):
            return job
        assert time.monotonic() < give_up_at, job
        time.sleep(0.01)


def start(api, **body):
    answer = api.call("POST", JOBS, body)
    assert answer.status == 202, answer.body
    return answer.json()


def test_an_estimate_is_made_of_what_was_acknowledged_before(api):
    shown = [{"document_id": f"d{n}"} for n in range(3)]
    api.fill([{"search_id": "s1", "query": "shoes", "results": shown}], "/v1/searches")
    api.fill([{"feature_id": "d1", "interaction_type": "click", "search_id": "s1"}])
    job = start(api, kind="estimate", days=30)
    done = wait_for(api, job["job_id"], lambda job: job["state"] == "done")

    assert (job["state"], job["parameters"]) == ("queued", {"days": 30.0})
    assert (done["result"]["impressions"], done["result"]["clicks"]) == (3, 1)
    assert done["result"]["status"] == "not_identifiable"
    assert done["progress"]["share"] == 1.0
    assert "1 clicks" in done["log"][0]["text"]


def test_a_date_is_a_moment_as_everywhere(api):
    assert start(api, kind="estimate", start="2026-03-01")["parameters"] == {
        "start": "2026-03-01T00:00:00Z"
    }


def test_a_job_is_watched_and_cancelled(api):
    job_id = start(api, kind="wait", pairs=["a", "b"])["job_id"]
    running = wait_for(api, job_id, lambda job: job["progress"]["share"])
    answer = api.call("POST", f"{JOBS}/{job_id}/cancel")

    assert (running["state"], running["parameters"]) == ("running", {})
    assert running["progress"] == {"share": 0.25, "message": "waiting"}
    assert running["log"][0]["text"] == "2 pairs"
    assert answer.status == 200
    assert wait_for(api, job_id, lambda job: job["state"] == "cancelled")["ended_at"]


def test_sending_a_job_again_changes_nothing(api):
    first = start(api, kind="wait", job_id="mine")
    again = start(api, kind="wait", job_id="mine")

    assert first["job_id"] == again["job_id"] == "mine"
    assert api.get(JOBS).json()["pagination"]["total"] == 1
    other = api.call("POST", JOBS, {"kind": "estimate", "job_id": "mine"})
    assert (other.status, other.json()["code"]) == (409, "conflict")


def test_jobs_are_listed_by_kind_state_and_retriever_a_page_at_a_time(api):
    for number in range(3):
        start(api, kind="wait", retriever_id="products", job_id=f"p{number}")
    start(api, kind="wait", retriever_id="articles", job_id="a0")
    names = [job["job_id"] for job in api.get(JOBS, retriever_id="products").json()["results"]]
    page = api.get(JOBS, page=2, page_size=3).json()

    assert names == ["p2", "p1", "p0"]
    assert [job["job_id"] for job in page["results"]] == ["p0"]
    assert page["pagination"] == {"total": 4, "page": 2, "page_size": 3}
    wait_for(api, "p0", lambda job: job["state"] == "running")
    queued = api.get(JOBS, state="queued").json()["results"]
    assert {job["job_id"] for job in queued} == {"p1", "p2", "a0"}
    assert api.get(JOBS, kind="estimate").json()["results"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/kind"),
        ({"kind": 7}, "/kind"),
        ({"kind": "fly"}, "/kind"),
        ({"kind": "estimate", "colour": "red"}, "/colour"),
        ({"kind": "estimate", "days": -1}, "/days"),
        ({"kind": "estimate", "days": 1, "start": "2026-03-01"}, "/days"),
        ({"kind": "estimate", "start": "yesterday"}, "/start"),
        ({"kind": "estimate", "job_id": "../up"}, "/job_id"),
        ({"kind": "estimate", "job_id": 7}, "/job_id"),
        ({"kind": "wait", "pairs": ["a", 7]}, "/pairs/1"),
    ],
    ids=str,
)
def test_what_is_wrong_is_pointed_at(api, body, pointer):
    answer = api.call("POST", JOBS, body)

    assert answer.status == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_everything_that_is_wrong_is_pointed_at_once(api):
    answer = api.call("POST", JOBS, {"kind": "estimate", "days": "seven", "colour": "red"})

    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/days", "/colour"}


def test_an_unknown_kind_names_those_that_are_known(api):
    assert "estimate" in api.call("POST", JOBS, {"kind": "fly"}).json()["hint"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"], ids=["empty", "list", "half", "ff"])
def test_a_body_that_is_no_object_is_refused(api, body):
    assert api.call("POST", JOBS, body).status == 400


def test_more_than_may_wait_is_a_429(tmp_path):
    from tests.api.conftest import Api

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rankloop.toml").write_text("[jobs]\nmax_queued = 1\n")
    api = Api(tmp_path / "data")
    start(api, kind="wait", job_id="j1")
    wait_for(api, "j1", lambda job: job["state"] == "running")
    start(api, kind="wait")
    refused = api.call("POST", JOBS, {"kind": "wait"})
    api.transport.close()

    assert (refused.status, refused.json()["code"]) == (429, "queue_full")
    assert refused.headers["retry-after"] == "1"


def test_schedules_of_the_settings_are_listed(tmp_path):
    from tests.api.conftest import Api

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rankloop.toml").write_text(
        '[schedules.nightly]\nkind = "estimate"\nevery = "daily"\nretriever_id = "products"\n'
    )
    api = Api(tmp_path / "data")
    (listed,) = api.get("/v1/schedules").json()["results"]
    api.transport.close()

    assert (listed["name"], listed["kind"], listed["every"]) == ("nightly", "estimate", "daily")
    assert listed["next_at"].endswith("T03:00:00Z")
    assert listed["last_job_id"] is None
