"""`rankloop jobs`: run, list, show, cancel, schedules."""

import pytest

from rankloop.cli.output import Output
from rankloop.cli.working import to_exit_status, watch
from rankloop.tables.jobs import Job, JobProblem, JobProgress


def test_an_estimate_is_run_to_its_end_and_shown(rankloop):
    done = rankloop.read(
        "jobs", "run", "estimate", "--retriever", "shop", "--days", "7", "--data", "d"
    )
    assert (done["state"], done["retriever_id"], done["parameters"]["days"]) == ("done", "shop", 7)

    shown = rankloop("jobs", "show", done["job_id"], "--data", "d")
    assert shown.returncode == 0
    assert "not_identifiable" in shown.stdout
    listed = rankloop.read("jobs", "list", "--kind", "estimate", "--state", "done", "--data", "d")
    assert [job["job_id"] for job in listed["results"]] == [done["job_id"]]
    assert done["job_id"] in rankloop("jobs", "list", "--data", "d").stdout


def test_what_has_ended_is_not_cancelled(rankloop):
    done = rankloop.read("jobs", "run", "estimate", "--data", "d")
    cancelled = rankloop("jobs", "cancel", done["job_id"], "--data", "d")

    assert (cancelled.returncode, cancelled.stdout.strip()) == (1, f"{done['job_id']} is done.")


def test_more_can_be_told_as_json(rankloop):
    told = '{"start": "2026-03-01", "end": "2026-03-02"}'
    done = rankloop.read("jobs", "run", "estimate", "--parameters", told, "--data", "d")

    assert done["parameters"]["end"] == "2026-03-02T00:00:00Z"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "fly"), "estimate"),
        (("run", "estimate", "--parameters", "{"), "not JSON"),
        (("run", "estimate", "--parameters", "[]"), "not a JSON object"),
        (("run", "estimate", "--days", "-1"), "days"),
        (("run", "estimate", "--detach"), "--url"),
    ],
    ids=["kind", "half", "list", "days", "detach"],
)
def test_what_is_wrong_is_wrong_usage(rankloop, words, says):
    done = rankloop("jobs", *words, "--data", "d")

    assert done.returncode == 2
    assert says in done.stderr


def test_a_job_that_is_not_there_is_a_no(rankloop):
    assert rankloop("jobs", "show", "nope", "--data", "d").returncode == 1
    assert rankloop("jobs", "cancel", "nope", "--data", "d").returncode == 1


def test_an_empty_folder_has_no_jobs_and_no_schedules(rankloop):
    assert "no such job" in rankloop("jobs", "list", "--data", "d").stdout
    none = rankloop("jobs", "schedules", "--data", "d").stdout
    assert none == "There is no schedule; settings [schedules.NAME] make one.\n"


def test_schedules_are_shown(rankloop):
    (rankloop.cwd / "rankloop.toml").write_text('[schedules.mondays]\nkind = "estimate"\n')

    shown = rankloop("jobs", "schedules", "--data", "d").stdout
    assert "mondays" in shown
    assert "weekly" in shown


def test_a_schedule_of_a_kind_that_nobody_knows_is_refused(rankloop):
    (rankloop.cwd / "rankloop.toml").write_text('[schedules.mondays]\nkind = "fly"\n')
    done = rankloop("jobs", "schedules", "--data", "d")

    assert done.returncode == 2
    assert "'fly'" in done.stderr


def job(state, **changes):
    from datetime import UTC, datetime

    return Job(job_id="j1", kind="learn", state=state, created_at=datetime.now(UTC), **changes)


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        (job("done"), 0),
        (job("cancelled"), 1),
        (job("failed", problem=JobProblem(code="not_enough_data", title="", detail="few")), 1),
        (job("failed", problem=JobProblem(code="disk_full", title="", detail="full")), 3),
    ],
    ids=["done", "cancelled", "too few", "disk full"],
)
def test_the_exit_status_says_how_a_job_ended(ended, status):
    assert to_exit_status(ended) == status


def test_a_bar_on_a_terminal_says_what_is_going_on(monkeypatch, capsys):
    class Waiting:
        jobs = None

        def wait(self, job_id, on_progress):
            on_progress(job("running", progress=JobProgress(0.5, "labeling")))
            return job("done")

    loop = Waiting()
    loop.jobs = loop
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert watch(loop, job("queued"), Output()).state == "done"
    assert "learn: labeling" in capsys.readouterr().err
