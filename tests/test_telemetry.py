"""Logging, metrics and request ids."""

import io
import logging
import re

import pytest

from rankloop.telemetry import (
    Metrics,
    configure_logging,
    format_event,
    log_event,
    make_request_id,
)


@pytest.fixture
def lines():
    """Return what was logged, and put logging back afterwards."""
    root = logging.getLogger("rankloop")
    before = (root.handlers[:], root.level, root.propagate)
    stream = io.StringIO()
    configure_logging("INFO", stream)
    yield lambda: stream.getvalue().splitlines()
    root.handlers[:], root.level, root.propagate = before


def test_an_event_is_one_line_with_its_fields(lines):
    log_event(logging.getLogger("rankloop.capture"), "batch_accepted", n_events=97, took_ms=4.125)

    (line,) = lines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 info rankloop\.capture"
        r" batch_accepted n_events=97 took_ms=4\.125",
        line,
    )


def test_events_below_the_level_are_not_written(lines):
    log_event(logging.getLogger("rankloop.capture"), "batch_seen", logging.DEBUG)

    assert lines() == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("two words", '"two words"'),
        ('say "no"', '"say \\"no\\""'),
        ("line\nbreak", '"line\\nbreak"'),
        ("", '""'),
        ("a=b", '"a=b"'),
        (True, "true"),
        (None, "null"),
        (0.1 + 0.2, "0.3"),
    ],
)
def test_a_value_stays_one_word_or_is_quoted(value, text):
    assert format_event("happened", {"value": value}) == f"happened value={text}"


def test_request_ids_differ():
    assert len({make_request_id() for _ in range(100)}) == 100


def test_counters_count_by_labels():
    metrics = Metrics()
    events = metrics.counter("rankloop_x_total", "Things.")
    events.add(2, kind="a")
    events.add(kind="a")
    events.add(kind='b"\n')

    assert events.value(kind="a") == 3
    assert events.value(kind="never") == 0
    assert metrics.to_text().splitlines() == [
        "# HELP rankloop_x_total Things.",
        "# TYPE rankloop_x_total counter",
        'rankloop_x_total{kind="a"} 3',
        'rankloop_x_total{kind="b\\"\\n"} 1',
    ]


def test_large_counts_are_written_whole():
    metrics = Metrics()
    metrics.counter("rankloop_x_total", "Things.").add(123_456_789)

    assert metrics.to_text().splitlines()[-1] == "rankloop_x_total 123456789"


def test_histograms_are_cumulative():
    metrics = Metrics()
    seconds = metrics.histogram("rankloop_x_seconds", "Time.")
    for value in (0.0005, 0.001, 0.3, 99.0):
        seconds.observe(value)

    text = metrics.to_text()
    assert 'rankloop_x_seconds_bucket{le="0.001"} 2' in text
    assert 'rankloop_x_seconds_bucket{le="0.5"} 3' in text
    assert 'rankloop_x_seconds_bucket{le="+Inf"} 4' in text
    assert "rankloop_x_seconds_count 4" in text


def test_a_gauge_says_the_last_value():
    metrics = Metrics()
    metrics.gauge("rankloop_x", "Now.").set(1)
    metrics.gauge("rankloop_x", "Now.").set(7)

    assert "rankloop_x 7" in metrics.to_text()


def test_a_name_means_one_kind_of_metric():
    metrics = Metrics()
    metrics.counter("rankloop_x_total", "Things.")

    with pytest.raises(TypeError):
        metrics.gauge("rankloop_x_total", "Things.")
    with pytest.raises(TypeError):
        metrics.histogram("rankloop_x_total", "Things.")
