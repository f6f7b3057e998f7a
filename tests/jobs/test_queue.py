"""The queue: jobs run, stop, fail with a type, and go on after the process was killed."""

import errno
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, event

from rankloop.catalog.jobs import JobCatalog, JobFilter
from rankloop.errors import (
    DiskFullError,
    InputError,
    KilledError,
    NotEnoughDataError,
    RankloopError,
)
from rankloop.jobs.folders import JobFolders
from rankloop.jobs.kinds import JobKind
from rankloop.jobs.parameters import JobParameters
from rankloop.jobs.queue import JobQueue, QueueConfig
from rankloop.tables.pages import PageRequest
from rankloop.telemetry import Metrics


class WorkParameters(JobParameters, frozen=True, kw_only=True):
    """Do something for a test."""

    pairs: tuple[str, ...] = ()
    days: float | None = None


class Shop:
    """Queues over one folder, one after the other, as processes would open them."""

    def __init__(self, folder):
        self.folder = folder
        self.kinds = {}
        self.open_queues = []
        self.metrics = Metrics()
        self.now_us = 0

    def kind(self, name, run):
        self.kinds[name] = JobKind(WorkParameters, lambda parts: run, frozenset({"pairs"}))

    def open(self, **config):
        catalog = JobCatalog(self.folder / "catalog.db", self.tick)
        parts = SimpleNamespace(wait_for_log=lambda: None, now=lambda: datetime.now(UTC))
        folders = JobFolders(self.folder / "jobs")
        queue = JobQueue(catalog, folders, self.kinds, parts, QueueConfig(**config), self.metrics)
        self.open_queues.append(queue)
        return queue

    def tick(self):
        self.now_us += 1
        return self.now_us

    def files(self):
        return sorted(path.name for path in (self.folder / "jobs").glob("*"))


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    yield shop
    for queue in shop.open_queues:
        queue.close()


@pytest.fixture
def start(shop):
    """Return what opens a queue and starts it."""

    def start(**config):
        queue = shop.open(**config)
        queue.start()
        return queue

    return start


def wait_for(condition, timeout_s=20.0):
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, "it did not happen"
        time.sleep(0.01)


def wait_for_state(queue, job_id, state):
    wait_for(lambda: queue.find(job_id).state == state)
    return queue.find(job_id)


def told(**values):
    return WorkParameters(**values)


def wait_until_stopped(context):
    while True:
        context.check()
        time.sleep(0.01)


def test_a_job_is_done_and_its_result_kept(shop, start):
    shop.kind("count", lambda context, parameters: {"days": parameters.days})
    queue = start()
    job = queue.submit("count", told(days=7, retriever_id="products"))

    done = wait_for_state(queue, job.job_id, "done")
    assert done.result == {"days": 7}
    assert (done.progress.share, done.attempts, done.retriever_id) == (1.0, 1, "products")
    assert done.started_at < done.ended_at


def test_rows_that_were_sent_along_are_in_a_file_and_gone_when_the_job_is_done(shop, start):
    shop.kind("count", lambda context, parameters: {"pairs": len(parameters.pairs)})
    waiting = shop.open()
    job = waiting.submit("count", told(pairs=["a", "b"]))
    assert job.parameters == {}
    assert shop.files() == [job.job_id]
    waiting.close()

    assert wait_for_state(start(), job.job_id, "done").result == {"pairs": 2}
    wait_for(lambda: shop.files() == [])


def test_progress_and_log_are_seen_while_the_job_runs(shop, start):
    go_on = threading.Event()

    def run(context, parameters):
        context.report(0.5, "half way")
        context.log("two retrievers")
        go_on.wait(20)
        return {}

    shop.kind("count", run)
    queue = start()
    job_id = queue.submit("count", told()).job_id
    wait_for(lambda: queue.find(job_id).log)

    job = queue.find(job_id)
    listed = queue.list(JobFilter(state="running"), PageRequest()).results[0]
    go_on.set()
    assert (job.state, job.progress.share, job.progress.message) == ("running", 0.5, "half way")
    assert listed.progress == job.progress
    assert [line.text for line in job.log] == ["two retrievers"]


def test_cancelling_stops_a_job_where_it_checks(shop, start):
    shop.kind("wait", lambda context, parameters: wait_until_stopped(context))
    queue = start()
    job_id = queue.submit("wait", told()).job_id
    wait_for_state(queue, job_id, "running")
    queue.cancel(job_id)

    job = wait_for_state(queue, job_id, "cancelled")
    assert (job.result, job.problem, job.is_cancelling) == (None, None, False)
    wait_for(lambda: shop.files() == [])


def test_cancelling_a_job_that_waits_removes_what_was_sent_along(shop):
    shop.kind("count", lambda context, parameters: {})
    queue = shop.open()
    job_id = queue.submit("count", told(pairs=["a"])).job_id

    assert queue.cancel(job_id).state == "cancelled"
    assert shop.files() == []


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (NotEnoughDataError("10 clicks"), "not_enough_data", "10 clicks"),
        (MemoryError(), "out_of_memory", "The work needs more memory than there is"),
        (OSError(errno.ENOSPC, "x"), "disk_full", "There is no room left on the disk"),
    ],
    ids=["refused", "memory", "disk"],
)
def test_a_failure_has_a_type(shop, start, error, code, detail):
    def run(context, parameters):
        raise error

    shop.kind("fail", run)
    queue = start()
    job = wait_for_state(queue, queue.submit("fail", told()).job_id, "failed")

    assert (job.problem.code, job.problem.detail) == (code, detail)
    with pytest.raises(RankloopError, match=detail):
        job.check_done()


def test_an_unforeseen_failure_names_its_place_and_quotes_nothing(shop, start):
    def run(context, parameters):
        raise KeyError("wireless earbuds")

    shop.kind("fail", run)
    queue = start()
    job = wait_for_state(queue, queue.submit("fail", told()).job_id, "failed")

    assert job.problem.code == "internal"
    assert job.problem.detail.startswith("KeyError at test_queue.py:")


def test_a_job_whose_process_is_killed_is_begun_again_so_many_times(shop, start):
    runs = []

    def run(context, parameters):
        runs.append(context.step("label", lambda: len(runs)))
        raise KilledError("it was killed")

    shop.kind("train", run)
    queue = start(max_attempts=3)
    job = wait_for_state(queue, queue.submit("train", told()).job_id, "failed")

    assert job.problem.code == "process_killed"
    assert job.attempts == 3
    assert runs == [0, 0, 0]


def test_closing_leaves_the_job_to_the_next_process_without_its_finished_steps(shop, start):
    runs = []

    def run(context, parameters):
        context.step("label", lambda: runs.append("label"))
        (context.folder / "checkpoint").write_text("epoch 1")
        if runs.count("begun") == 0:
            runs.append("begun")
            wait_until_stopped(context)
        return {"found": (context.folder / "checkpoint").read_text()}

    shop.kind("train", run)
    queue = start()
    job_id = queue.submit("train", told()).job_id
    wait_for(lambda: "begun" in runs)
    began = time.monotonic()
    queue.close()
    assert time.monotonic() - began < 5

    job = wait_for_state(start(), job_id, "done")
    assert runs == ["label", "begun"]
    assert (job.attempts, job.result) == (1, {"found": "epoch 1"})


def crash(shop, job_id, n_attempts=1):
    """Leave a job as a process leaves it that is killed in the middle."""
    catalog = JobCatalog(shop.folder / "catalog.db", shop.tick)
    for number in range(n_attempts):
        assert catalog.claim().job_id == job_id
        if number < n_attempts - 1:
            catalog.put_back(job_id, is_counted=True)
    return catalog


def test_a_job_in_the_middle_of_which_the_process_ended_is_begun_again(shop, start):
    shop.kind("count", lambda context, parameters: {"steps": context.step("a", lambda: 1)})
    job_id = shop.open().submit("count", told()).job_id
    catalog = crash(shop, job_id)
    catalog.notes.keep_step(job_id, "a", b"7")
    catalog.close()

    job = wait_for_state(start(), job_id, "done")
    assert (job.attempts, job.result) == (2, {"steps": 7})
    assert "finished steps stay done" in job.log[0].text


def test_a_job_that_ended_the_process_so_many_times_is_given_up(shop, start):
    shop.kind("count", lambda context, parameters: {})
    job_id = shop.open().submit("count", told()).job_id
    crash(shop, job_id, n_attempts=3).close()

    job = wait_for_state(start(max_attempts=3), job_id, "failed")
    assert job.problem.code == "process_ended"
    assert "3 times" in job.problem.detail


def test_a_job_that_was_cancelled_before_the_process_ended_stays_cancelled(shop, start):
    shop.kind("count", lambda context, parameters: {})
    job_id = shop.open().submit("count", told()).job_id
    catalog = crash(shop, job_id)
    catalog.cancel(job_id)
    catalog.close()

    assert start().find(job_id).state == "cancelled"


def test_folders_that_belong_to_no_job_are_removed(shop, start):
    (shop.folder / "jobs" / "gone").mkdir(parents=True)
    start()

    assert shop.files() == []


def test_so_many_run_at_a_time_as_there_are_workers(shop, start):
    together = threading.Barrier(2)

    def run(context, parameters):
        together.wait(20)
        return {}

    shop.kind("meet", run)
    queue = start(n_workers=2)
    jobs = [queue.submit("meet", told(retriever_id=name)) for name in ("articles", "products")]

    for job in jobs:
        wait_for_state(queue, job.job_id, "done")


def test_two_of_one_kind_and_retriever_run_one_after_the_other(shop, start):
    running, most = [], []

    def run(context, parameters):
        running.append(1)
        most.append(len(running))
        time.sleep(0.05)
        running.pop()
        return {}

    shop.kind("count", run)
    queue = start(n_workers=4)
    jobs = [queue.submit("count", told(retriever_id="products")) for _ in range(4)]
    for job in jobs:
        wait_for_state(queue, job.job_id, "done")

    assert max(most) == 1


def test_a_kind_that_nobody_knows_is_refused_with_those_that_are_known(shop):
    shop.kind("count", lambda context, parameters: {})

    with pytest.raises(InputError, match="'fly'") as caught:
        shop.open().submit("fly", told())
    assert (caught.value.where, caught.value.hint) == ("/kind", "Known: count.")


@pytest.mark.parametrize("name", ["", "../up", "a b", "x" * 65, "-dash"])
def test_a_name_that_is_none_of_a_folder_is_refused(shop, name):
    shop.kind("count", lambda context, parameters: {})

    with pytest.raises(InputError, match="job's id"):
        shop.open().submit("count", told(), name)


def test_a_job_of_a_kind_that_this_version_lacks_fails_and_says_so(shop, start):
    shop.kind("count", lambda context, parameters: {})
    job_id = shop.open().submit("count", told()).job_id
    shop.kinds.clear()

    job = wait_for_state(start(), job_id, "failed")
    assert "'count'" in job.problem.detail


def fill_up(shop):
    """Let the catalog grow no further, as on a full disk."""
    path = shop.folder / "catalog.db"
    with sqlite3.connect(path) as connection:
        (n_pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.close()

    def limit(connection, _entry):
        connection.execute(f"PRAGMA max_page_count={n_pages}")

    event.listen(Engine, "connect", limit)
    return lambda: event.remove(Engine, "connect", limit)


def test_a_disk_without_room_for_another_job_is_a_refusal_of_its_type(shop):
    shop.kind("count", lambda context, parameters: {})
    shop.open().close()
    make_room = fill_up(shop)
    queue = shop.open(max_queued=1_000)

    def submit_many():
        for _ in range(1_000):
            queue.submit("count", told(retriever_id="r" * 100))

    try:
        with pytest.raises(DiskFullError):
            submit_many()
    finally:
        make_room()


def test_a_disk_that_is_full_in_the_middle_fails_the_job_with_that_type(shop, start):
    def run(context, parameters):
        return {"step": context.step("large", lambda: "x" * 1_000_000)}

    shop.kind("count", run)
    shop.open().close()
    make_room = fill_up(shop)
    try:
        queue = start()
        job = wait_for_state(queue, queue.submit("count", told()).job_id, "failed")
    finally:
        make_room()

    assert job.problem.code == "disk_full"


def test_a_job_that_does_not_stop_writes_nothing_more_once_the_queue_is_closed(
    shop, start, monkeypatch
):
    monkeypatch.setattr("rankloop.jobs.workers.CLOSE_WAIT_S", 0.1)
    go_on, has_gone_on = threading.Event(), threading.Event()

    def run(context, parameters):
        go_on.wait(20)
        has_gone_on.set()
        return {}

    shop.kind("deaf", run)
    queue = start()
    job_id = queue.submit("deaf", told()).job_id
    wait_for_state(queue, job_id, "running")
    queue.close()
    threads = [thread for thread in threading.enumerate() if thread.name == "jobs-0"]
    go_on.set()
    assert has_gone_on.wait(20)
    for thread in threads:
        thread.join(20)

    assert shop.open().find(job_id).state == "running"


def test_jobs_are_counted_by_how_they_ended(shop, start):
    shop.kind("count", lambda context, parameters: {})
    shop.kind("fail", lambda context, parameters: {}["nothing"])
    queue = start()
    jobs = [queue.submit(kind, told()) for kind in ("count", "count", "fail")]
    for job in jobs:
        wait_for(lambda job=job: queue.find(job.job_id).has_ended)

    counted = shop.metrics.counter("rankloop_jobs_ended_total", "")
    wait_for(lambda: counted.value(kind="fail", state="failed") == 1)
    assert counted.value(kind="count", state="done") == 2


@pytest.mark.slow
def test_an_end_that_the_catalog_does_not_take_now_is_put_down_later(
    shop, start, monkeypatch, caplog
):
    monkeypatch.setattr("rankloop.jobs.workers.RETRY_S", 0.05)
    go_on = threading.Event()
    shop.kind("count", lambda context, parameters: {"went_on": go_on.wait(20)})
    queue = start()
    job_id = queue.submit("count", told()).job_id
    wait_for_state(queue, job_id, "running")
    with closing(sqlite3.connect(shop.folder / "catalog.db", isolation_level=None)) as rival:
        rival.execute("BEGIN IMMEDIATE")
        go_on.set()
        wait_for(lambda: "job_end_not_kept" in caplog.text, timeout_s=60)
        assert queue.find(job_id).state == "running"
        rival.execute("ROLLBACK")

    assert wait_for_state(queue, job_id, "done").result == {"went_on": True}
