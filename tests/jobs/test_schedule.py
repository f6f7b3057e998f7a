"""Schedules: due at round times, once for however many were missed, and after a restart, too."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from rankloop.catalog.jobs import JobCatalog, JobFilter
from rankloop.jobs.folders import JobFolders
from rankloop.jobs.kinds import JobKind
from rankloop.jobs.parameters import JobParameters
from rankloop.jobs.queue import JobQueue, QueueConfig
from rankloop.jobs.schedule import Scheduler, ScheduleSpec, find_next
from rankloop.tables.pages import PageRequest

WEDNESDAY = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "hour", "due"),
    [
        ("hourly", 3, datetime(2026, 3, 4, 13, tzinfo=UTC)),
        ("daily", 3, datetime(2026, 3, 5, 3, tzinfo=UTC)),
        ("daily", 20, datetime(2026, 3, 4, 20, tzinfo=UTC)),
        ("weekly", 3, datetime(2026, 3, 9, 3, tzinfo=UTC)),
        ("monthly", 0, datetime(2026, 4, 1, 0, tzinfo=UTC)),
    ],
)
def test_a_schedule_is_due_at_the_next_round_time(every, hour, due):
    assert find_next(every, hour, WEDNESDAY) == due


def test_what_is_due_now_is_due_next_a_period_later():
    due = find_next("weekly", 3, WEDNESDAY)
    assert find_next("weekly", 3, due) == due + timedelta(days=7)


class Installation:
    """A catalog with a clock that is set by hand; a queue that nobody works on."""

    def __init__(self, folder):
        self.folder = folder
        self.now = WEDNESDAY
        self.catalog = None
        self.open()

    def open(self, max_queued=100):
        self.close()
        self.catalog = JobCatalog(self.folder / "catalog.db", lambda: 0)
        kinds = {"learn": JobKind(JobParameters, lambda parts: None)}
        folders, parts = JobFolders(self.folder / "jobs"), SimpleNamespace()
        config = QueueConfig(max_queued=max_queued)
        self.queue = JobQueue(self.catalog, folders, kinds, parts, config)

    def schedule(self, every="weekly", name="weekly-learn"):
        told = JobParameters(retriever_id="products")
        spec = ScheduleSpec(name, "learn", told, every)
        return Scheduler([spec], self.catalog.schedules, self.queue, lambda: self.now)

    def jobs(self):
        return [job.job_id for job in self.queue.list(JobFilter(), PageRequest()).results]

    def do_all(self):
        while (job := self.catalog.claim()) is not None:
            self.catalog.finish(job.job_id, {})

    def close(self):
        if self.catalog is not None:
            self.catalog.close()


@pytest.fixture
def installation(tmp_path):
    installation = Installation(tmp_path)
    yield installation
    installation.close()


def test_a_new_schedule_waits_for_its_first_time(installation):
    scheduler = installation.schedule()
    assert scheduler.run_due() == []

    installation.now = datetime(2026, 3, 9, 3, tzinfo=UTC)
    assert scheduler.run_due() == ["weekly-learn-20260309T0300"]
    assert scheduler.run_due() == []


def test_several_missed_periods_are_caught_up_once(installation):
    installation.schedule().run_due()
    installation.now += timedelta(days=40)

    assert installation.schedule().run_due() == ["weekly-learn-20260309T0300"]
    installation.do_all()
    assert installation.schedule().run_due() == []
    assert installation.schedule().list()[0].next_at == datetime(2026, 4, 20, 3, tzinfo=UTC)


def test_a_restart_neither_forgets_nor_repeats(installation):
    installation.schedule().run_due()
    installation.now = datetime(2026, 3, 9, 4, tzinfo=UTC)
    installation.open()

    assert len(installation.schedule().run_due()) == 1
    installation.do_all()
    installation.open()
    assert installation.schedule().run_due() == []


def test_a_crash_before_the_next_time_is_kept_asks_for_the_same_job(installation):
    scheduler = installation.schedule()
    scheduler.run_due()
    due = installation.catalog.schedules.next_at("weekly-learn", "weekly")
    installation.now = datetime(2026, 3, 9, 4, tzinfo=UTC)
    scheduler.run_due()
    installation.do_all()
    installation.catalog.schedules.put("weekly-learn", "weekly", due)

    scheduler.run_due()
    assert installation.jobs() == ["weekly-learn-20260309T0300"]


def test_a_job_that_still_waits_is_not_asked_for_again(installation):
    scheduler = installation.schedule()
    scheduler.run_due()
    installation.now += timedelta(days=7)
    assert len(scheduler.run_due()) == 1

    installation.now += timedelta(days=7)
    assert scheduler.run_due() == []
    assert len(installation.jobs()) == 1


def test_a_full_queue_is_asked_again_later(installation):
    scheduler = installation.schedule()
    scheduler.run_due()
    installation.open(max_queued=1)
    installation.queue.submit("learn", JobParameters(retriever_id="articles"), "other")
    installation.now += timedelta(days=7)
    scheduler = installation.schedule()
    assert scheduler.run_due() == []

    installation.do_all()
    assert len(scheduler.run_due()) == 1


def test_another_pace_begins_anew(installation):
    installation.schedule("monthly").run_due()

    assert installation.schedule("daily").list()[0].next_at == datetime(2026, 3, 5, 3, tzinfo=UTC)


def test_a_list_says_what_is_due_when_and_what_was_asked_for_last(installation):
    scheduler = installation.schedule()
    scheduler.run_due()
    installation.now += timedelta(days=7)
    scheduler.run_due()

    (listed,) = scheduler.list()
    assert (listed.name, listed.kind, listed.retriever_id) == ("weekly-learn", "learn", "products")
    assert listed.last_job_id == "weekly-learn-20260309T0300"
    assert listed.next_at == datetime(2026, 3, 16, 3, tzinfo=UTC)
