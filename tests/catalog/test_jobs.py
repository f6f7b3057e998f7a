"""Jobs on record: whose turn it is, how they end, and what is forgotten when."""

import pytest

from rankloop.catalog.jobs import DAY_US, JobCatalog, JobFilter, JobRecord
from rankloop.errors import ConflictError, NotFoundError, QueueFullError


class Clock:
    def __init__(self):
        self.now_us = 0

    def __call__(self):
        self.now_us += 1
        return self.now_us


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def catalog(tmp_path, clock):
    catalog = JobCatalog(tmp_path / "catalog.db", clock)
    yield catalog
    catalog.close()


@pytest.fixture
def add(catalog):
    def add(job_id, kind="learn", retriever_id="products", most_queued=100, **told):
        return catalog.add(JobRecord(job_id, kind, retriever_id, told), most_queued)

    return add


def claim(catalog):
    job = catalog.claim()
    return None if job is None else job.job_id


def test_a_job_is_kept_as_it_was_asked_for(add, catalog):
    add("j1", days=7)

    job = catalog.find("j1")
    assert (job.kind, job.retriever_id, job.parameters) == ("learn", "products", {"days": 7})
    assert (job.state, job.attempts, job.started_at) == ("queued", 0, None)


def test_asking_for_the_same_job_again_changes_nothing(add, catalog):
    add("j1", days=7)
    claim(catalog)

    assert add("j1", days=7).state == "running"
    assert catalog.list(JobFilter())[1] == 1


def test_a_name_is_not_given_to_two_different_jobs(add):
    add("j1")

    with pytest.raises(ConflictError, match="'j1'"):
        add("j1", kind="estimate")


def test_one_more_than_may_wait_is_refused(add, catalog):
    add("j1", most_queued=1)

    with pytest.raises(QueueFullError, match="1 jobs are waiting"):
        add("j2", most_queued=1)
    claim(catalog)
    assert add("j2", most_queued=1).state == "queued"


def test_the_oldest_goes_first(add, catalog):
    for name, kind in (("j1", "learn"), ("j2", "estimate"), ("j3", "evaluate")):
        add(name, kind)

    assert [claim(catalog) for _ in range(4)] == ["j1", "j2", "j3", None]


def test_one_retriever_with_many_jobs_holds_up_no_other(add, catalog):
    for name in ("a1", "a2", "a3"):
        add(name, retriever_id="articles")
    add("p1", retriever_id="products")

    order = []
    for _ in range(4):
        order.append(claim(catalog))
        catalog.finish(order[-1], {})
    assert order == ["a1", "p1", "a2", "a3"]


def test_two_jobs_of_one_kind_and_retriever_do_not_run_at_once(add, catalog):
    add("j1")
    add("j2")
    add("j3", retriever_id="articles")

    assert [claim(catalog), claim(catalog), claim(catalog)] == ["j1", "j3", None]
    catalog.finish("j1", {})
    assert claim(catalog) == "j2"


def test_a_job_that_names_no_retriever_is_alone_of_its_kind(add, catalog):
    add("j1", retriever_id=None)
    add("j2")
    assert [claim(catalog), claim(catalog)] == ["j1", None]

    catalog.finish("j1", {})
    add("j3", retriever_id=None)
    assert [claim(catalog), claim(catalog)] == ["j2", None]


def test_a_job_that_was_begun_before_goes_first(add, catalog):
    add("j1", retriever_id="articles")
    claim(catalog)
    add("j2")
    catalog.put_back("j1", is_counted=True)

    assert claim(catalog) == "j1"
    assert catalog.find("j1").attempts == 2


def test_an_interruption_is_no_attempt(add, catalog):
    add("j1")
    claim(catalog)
    catalog.put_back("j1", is_counted=False)

    assert catalog.find("j1").attempts == 0


def test_a_job_that_waits_is_cancelled_at_once_and_one_that_runs_is_marked(add, catalog):
    add("j1")
    add("j2")
    claim(catalog)

    assert catalog.cancel("j2").state == "cancelled"
    running = catalog.cancel("j1")
    assert (running.state, running.is_cancelling) == ("running", True)
    catalog.stop("j1")
    assert catalog.find("j1").state == "cancelled"
    assert catalog.cancel("j1").state == "cancelled"


def test_what_has_ended_stays_as_it_is_when_it_is_cancelled(add, catalog):
    add("j1")
    claim(catalog)
    catalog.finish("j1", {"clicks": 3})

    assert catalog.cancel("j1").state == "done"
    assert catalog.find("j1").result == {"clicks": 3}


def test_a_failure_keeps_its_problem(add, catalog):
    add("j1")
    claim(catalog)
    catalog.fail("j1", {"code": "not_enough_data"})

    job = catalog.find("j1")
    assert (job.state, job.problem, job.result) == ("failed", {"code": "not_enough_data"}, None)


def test_steps_are_kept_until_the_job_ends(add, catalog):
    add("j1")
    claim(catalog)
    catalog.notes.keep_step("j1", "label", b'{"pairs":7}')

    assert catalog.notes.find_step("j1", "label") == b'{"pairs":7}'
    assert catalog.notes.find_step("j2", "label") is None
    catalog.finish("j1", {})
    assert catalog.notes.find_step("j1", "label") is None


def test_the_log_is_in_the_order_of_writing(add, catalog):
    add("j1")
    for text in ("labeled", "trained"):
        catalog.notes.add_line("j1", text)

    assert [line.text for line in catalog.notes.lines("j1")] == ["labeled", "trained"]


def test_old_jobs_are_forgotten_with_their_log_and_others_are_not(add, catalog, clock):
    for name in ("old", "new", "running"):
        add(name, retriever_id=name)
        claim(catalog)
    catalog.notes.add_line("old", "labeled")
    catalog.finish("old", {})
    clock.now_us = 2 * DAY_US
    catalog.finish("new", {})

    assert catalog.prune(keep_days=1) == ["old"]
    assert {job.job_id for job in catalog.list(JobFilter())[0]} == {"new", "running"}
    assert catalog.notes.lines("old") == []


def test_jobs_are_listed_newest_first_a_page_at_a_time(add, catalog):
    for number in range(5):
        add(f"j{number}", retriever_id="articles" if number % 2 else "products")

    page, total = catalog.list(JobFilter(retriever_id="products"), offset=1, limit=1)
    assert ([job.job_id for job in page], total) == (["j2"], 3)


def test_a_job_that_is_not_on_record_is_not_found(catalog):
    with pytest.raises(NotFoundError, match="'j1'"):
        catalog.find("j1")
    with pytest.raises(NotFoundError, match="'j1'"):
        catalog.cancel("j1")
