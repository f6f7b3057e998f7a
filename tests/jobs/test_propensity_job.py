"""The job `estimate`: what is kept of an estimate, and that a later attempt goes on with it."""

from datetime import UTC, datetime, timedelta

import pytest

from rankloop.attribution.derivation import Derivation
from rankloop.jobs.context import JobContext, MemoryRecorder
from rankloop.jobs.estimation import Estimation
from rankloop.jobs.propensity_job import EstimateParameters, PropensityJob

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def swapped(log):
    """Write a log in which two documents change places and are clicked twice as often above."""
    for n in range(300):
        first, second = ("a", "b") if n % 2 else ("b", "a")
        clicked = [first] if n % 3 else [second]
        log.search(shown=[first, second], clicked=clicked, user=f"u{n % 50}")
    log.search(shown=["a"], clicked=["a"], user="old", at=NOON - timedelta(days=90))
    log.write()
    return Estimation(log.store, Derivation(log.store))


def run(estimation, recorder, tmp_path, now=NOON + timedelta(hours=1), **told):
    job = PropensityJob(estimation, lambda: now)
    return job.run(JobContext("j1", tmp_path, recorder), EstimateParameters(**told))


def test_the_summary_says_what_was_found_and_on_what(swapped, tmp_path):
    recorder = MemoryRecorder()
    found = run(swapped, recorder, tmp_path, retriever_id="products", days=30)

    assert (found["impressions"], found["clicks"]) == (600, 300)
    first, second = found["positions"]
    assert (first["position"], first["propensity"]) == (0, 1.0)
    # Both documents are as attractive: 100 clicks below to 200 above.
    assert second["propensity"] == pytest.approx(0.5, abs=0.02)
    assert recorder.lines == [f"{found['status']}, by {found['method']}, from 300 clicks"]


def test_a_later_attempt_looks_at_the_same_log_and_estimates_nothing_anew(swapped, tmp_path):
    recorder = MemoryRecorder()
    first = run(swapped, recorder, tmp_path, days=30)
    later = run(None, recorder, tmp_path, now=NOON + timedelta(days=365), days=30)

    assert later == first


def test_an_empty_log_is_told_so(log, tmp_path):
    log.write()
    estimation = Estimation(log.store, Derivation(log.store))
    found = run(estimation, MemoryRecorder(), tmp_path)

    assert (found["status"], found["clicks"], found["positions"]) == ("not_identifiable", 0, [])
