"""Windows and segments: what is refused, and by which name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from rankloop.errors import InputError
from rankloop.tables.windows import InsightsWindow, Segment

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_reversed_window_names_its_end():
    with pytest.raises(InputError, match="before it starts") as caught:
        InsightsWindow(NOON, NOON - timedelta(seconds=1))
    assert caught.value.where == "/end"


def test_an_empty_window_is_allowed():
    assert InsightsWindow(NOON, NOON).start == NOON


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(InputError, match="no time zone") as caught:
        InsightsWindow(end=NOON.replace(tzinfo=None))
    assert caught.value.where == "/end"


@pytest.mark.parametrize("days", [0, -3, 10**9])
def test_days_out_of_range_are_refused(days):
    with pytest.raises(InputError) as caught:
        InsightsWindow.last_days(days, NOON)
    assert caught.value.where == "/days"


def test_a_segment_reads_both_fields():
    assert Segment.parse("surface:app, device:tablet") == Segment("app", "tablet")
    assert Segment.parse(None) == Segment.parse("") == Segment()
    assert Segment.parse("surface:a:b").surface == "a:b"


@pytest.mark.parametrize("text", ["mobile", "color:red", "device:", "device:a,device:b"])
def test_a_segment_that_cannot_be_read_is_refused(text):
    with pytest.raises(InputError) as caught:
        Segment.parse(text)
    assert caught.value.where == "/segment"


def test_a_window_survives_the_wire():
    window = InsightsWindow(NOON, None, Segment("app"), include_robots=True)
    assert msgspec.json.decode(msgspec.json.encode(window), type=InsightsWindow) == window
