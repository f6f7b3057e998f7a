"""What a job is given: steps are done once, progress of a part lies within that of the whole."""

import msgspec
import pytest

from rankloop.jobs.context import (
    JobCancelledError,
    JobContext,
    MemoryRecorder,
    direct_context,
)


class Count(msgspec.Struct, frozen=True):
    searches: int


@pytest.fixture
def recorder():
    return MemoryRecorder()


@pytest.fixture
def run(tmp_path, recorder):
    """Return what begins another run of the same job."""
    return lambda: JobContext("j1", tmp_path, recorder)


def test_a_finished_step_is_not_done_again(run):
    calls = []

    def work():
        calls.append(1)
        return {"searches": 3}

    assert run().step("count", work) == {"searches": 3}
    assert run().step("count", work) == {"searches": 3}
    assert calls == [1]


def test_a_step_that_broke_off_is_done_again(run):
    def fail():
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run().step("count", fail)

    assert run().step("count", lambda: 4) == 4


def test_a_value_is_of_the_same_kind_the_first_time_as_any_later_time(run):
    first = run().step("count", lambda: (1, 2))
    later = run().step("count", lambda: (1, 2))

    assert first == later == [1, 2]
    assert run().step("record", lambda: Count(3), Count) == Count(3)


def test_two_steps_of_one_name_are_a_mistake(run):
    context = run()
    context.step("count", lambda: 1)

    with pytest.raises(ValueError, match="'count'"):
        context.step("count", lambda: 2)


def test_parts_keep_their_steps_and_files_apart(run):
    context = run()
    adapter, ranker = context.part("adapter", 0.0, 0.5), context.part("ranker", 0.5, 1.0)

    assert adapter.step("train", lambda: 1) == 1
    assert ranker.step("train", lambda: 2) == 2
    assert adapter.folder != ranker.folder


def test_half_of_the_second_half_is_three_quarters(run, recorder):
    run().part("ranker", 0.5, 1.0).report(0.5, "trees")

    assert recorder.reports == [(0.75, "trees")]


def test_progress_outside_its_bounds_is_put_at_the_nearest(run, recorder):
    context = run()
    context.report(-1, "begun")
    context.report(7, "x" * 500)

    assert [share for share, _ in recorder.reports] == [0.0, 1.0]
    assert len(recorder.reports[1][1]) == 200


def test_a_cancelled_job_stops_at_its_next_report_or_step(tmp_path, recorder):
    def check():
        raise JobCancelledError

    context = JobContext("j1", tmp_path, recorder, check)

    with pytest.raises(JobCancelledError):
        context.report(0.5, "half")
    with pytest.raises(JobCancelledError):
        context.step("count", lambda: 1)
    with pytest.raises(JobCancelledError):
        context.part("adapter", 0, 1).check()
    assert recorder.reports == []


def test_a_job_run_by_hand_reports_to_whoever_runs_it(tmp_path):
    seen = []
    context = direct_context(tmp_path / "scratch", lambda share, message: seen.append(message))
    context.report(0.1, "reading")

    assert seen == ["reading"]
    assert context.folder.is_dir()
