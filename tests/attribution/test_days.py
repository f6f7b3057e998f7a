"""Days that are derived in one go."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rankloop.attribution.days import cut_stretches

FIRST = date(2026, 1, 1)
DAYS = [FIRST + timedelta(days=place) for place in range(10)]


def test_days_that_follow_each_other_are_one_stretch():
    stretches = cut_stretches([DAYS[2], DAYS[0], DAYS[1], DAYS[5]], {})
    assert [stretch.days for stretch in stretches] == [DAYS[:3], [DAYS[5]]]


def test_a_stretch_ends_before_it_holds_too_much():
    volumes = {DAYS[0]: 6, DAYS[1]: 4, DAYS[2]: 1, DAYS[3]: 50, DAYS[4]: 1}
    stretches = cut_stretches(DAYS[:5], volumes, max_rows=10)
    assert [len(stretch.days) for stretch in stretches] == [2, 1, 1, 1]


def test_a_stretch_reaches_from_midnight_to_midnight():
    (stretch,) = cut_stretches(DAYS[:2], {})
    assert stretch.since.isoformat() == "2026-01-01T00:00:00+00:00"
    assert stretch.until.isoformat() == "2026-01-03T00:00:00+00:00"


@given(st.sets(st.sampled_from(DAYS)), st.dictionaries(st.sampled_from(DAYS), st.integers(0, 9)))
def test_every_day_is_in_one_stretch(days, volumes):
    stretches = cut_stretches(days, volumes, max_rows=10)
    assert [day for stretch in stretches for day in stretch.days] == sorted(days)
