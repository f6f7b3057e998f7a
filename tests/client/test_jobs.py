"""Jobs through the client, over a server and over a folder: started, waited for, cancelled."""

import asyncio
import time

import pytest

import rankloop
from rankloop.errors import InputError, NotEnoughDataError, NotFoundError, UnavailableError
from rankloop.jobs.kinds import KINDS, JobKind
from rankloop.jobs.parameters import JobParameters


def count_to_three(context, parameters):
    for number in range(3):
        context.report(number / 3, f"at {number}")
        time.sleep(0.05)
    return {"retriever": parameters.retriever_id}


def wait_until_stopped(context, parameters):
    while True:
        context.check()
        time.sleep(0.01)


def refuse(context, parameters):
    raise NotEnoughDataError("10 clicks are needed", where="clicks", hint="Wait.")


@pytest.fixture(autouse=True)
def kinds(monkeypatch):
    for run in (count_to_three, wait_until_stopped, refuse):
        monkeypatch.setitem(KINDS, run.__name__, JobKind(JobParameters, lambda parts, run=run: run))


def test_a_job_is_waited_for_and_its_progress_shown(loop):
    seen = []
    job = loop.jobs.start("count_to_three", retriever_id="products")
    done = loop.jobs.wait(job.job_id, lambda job: seen.append(job.progress.share), timeout_s=30)

    assert (done.state, done.result) == ("done", {"retriever": "products"})
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert loop.jobs.get(job.job_id) == done
    done.check_done()


def test_a_failed_job_raises_what_it_failed_with(loop):
    job = loop.jobs.wait(loop.jobs.start("refuse").job_id, timeout_s=30)

    assert (job.state, job.problem.code) == ("failed", "not_enough_data")
    with pytest.raises(NotEnoughDataError, match="10 clicks") as caught:
        job.check_done()
    assert caught.value.hint == "Wait."


def test_a_job_is_cancelled(loop):
    job = loop.jobs.start("wait_until_stopped")
    loop.jobs.cancel(job.job_id)

    assert loop.jobs.wait(job.job_id, timeout_s=30).state == "cancelled"
    assert [one.job_id for one in loop.jobs.list(state="cancelled").results] == [job.job_id]
    assert loop.jobs.list(state="done").results == []


def test_waiting_ends_when_patience_does_and_the_job_goes_on(loop):
    job = loop.jobs.start("wait_until_stopped")

    with pytest.raises(UnavailableError, match=r"after 0\.2 s"):
        loop.jobs.wait(job.job_id, timeout_s=0.2)
    assert loop.jobs.get(job.job_id).state == "running"


def test_the_same_job_is_started_once(loop):
    for _ in range(2):
        loop.jobs.start("count_to_three", job_id="mine")

    assert [job.job_id for job in loop.jobs.list().results] == ["mine"]


def test_what_is_wrong_is_an_error_of_its_class(loop):
    with pytest.raises(InputError) as caught:
        loop.jobs.start("fly")
    assert caught.value.where == "/kind"
    with pytest.raises(InputError) as caught:
        loop.jobs.start("estimate", colour="red")
    assert caught.value.where == "/colour"
    with pytest.raises(NotFoundError):
        loop.jobs.get("nope")


def test_without_schedules_none_is_listed(loop):
    assert loop.jobs.schedules().results == []


def test_asynchronous_code_does_the_same(target):
    async def work():
        async with rankloop.connect_async(target) as loop:
            job = await loop.jobs.start("count_to_three", retriever_id="products")
            seen = []
            done = await loop.jobs.wait(job.job_id, seen.append, timeout_s=30)
            listed = await loop.jobs.list(kind="count_to_three")
            waiting = await loop.jobs.start("wait_until_stopped")
            await loop.jobs.cancel(waiting.job_id)
            stopped = await loop.jobs.wait(waiting.job_id, timeout_s=30)
            assert (await loop.jobs.schedules()).results == []
            assert await loop.jobs.get(job.job_id) == done
            return done, seen[-1], [one.job_id for one in listed.results], stopped

    done, last_seen, listed, stopped = asyncio.run(work())
    assert done.result == {"retriever": "products"}
    assert last_seen == done
    assert listed == [done.job_id]
    assert stopped.state == "cancelled"


def test_closing_a_folder_leaves_the_job_to_whoever_opens_it_next(data_folder):
    with rankloop.connect(data_folder) as loop:
        job = loop.jobs.start("wait_until_stopped")
        while loop.jobs.get(job.job_id).state != "running":
            time.sleep(0.01)
    KINDS["wait_until_stopped"] = KINDS["count_to_three"]

    with rankloop.connect(data_folder) as loop:
        done = loop.jobs.wait(job.job_id, timeout_s=30)
    assert (done.state, done.attempts) == ("done", 1)
