"""Splits: by time, never at random; by words and people, the same in every run."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.tables.manifests import N_SHARDS
from rankloop.tables.windows import InsightsWindow, Segment
from rankloop.training.splits import (
    SplitConfig,
    hold_out_queries,
    name_parts,
    split_people,
    split_time,
)

MONDAY = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)


def cut(n_days, config=None, window=None):
    last = MONDAY + timedelta(days=n_days - 1)
    return split_time(window or InsightsWindow(), MONDAY, last, config)


@given(
    n_days=st.integers(5, 400),
    validation=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.5),
    gap_days=st.integers(0, 1),
)
def test_parts_follow_each_other_with_a_gap_and_have_a_day_each(n_days, validation, test, gap_days):
    split = cut(n_days, SplitConfig(validation, test, gap_days))
    gap = timedelta(days=gap_days)

    assert split.train.start is None
    assert split.train.end + gap == split.validation.start
    assert split.validation.end + gap == split.test.start
    assert split.train.end > MONDAY
    assert split.validation.start < split.validation.end
    assert split.test.start <= MONDAY + timedelta(days=n_days - 1)
    assert split.test.end is None


def test_a_window_keeps_its_ends_and_its_segment():
    end = datetime(2026, 3, 20, tzinfo=UTC)
    window = InsightsWindow(MONDAY, end, Segment(device="mobile"))
    split = cut(18, window=window)

    assert split.train.start == MONDAY
    assert split.test.end == end
    assert {part.segment.device for part in (split.train, split.validation, split.test)} == {
        "mobile"
    }


def test_days_are_those_of_utc():
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC).astimezone()
    split = split_time(InsightsWindow(), late, late + timedelta(days=5))

    assert split.test.start == datetime(2026, 3, 6, tzinfo=UTC)


def test_too_few_days_are_counted_with_what_is_missing():
    with pytest.raises(NotEnoughDataError, match=r"the log spans 3 days.* take 5") as caught:
        cut(3)

    assert caught.value.hint == "Collect 2 days more, or take a longer window."


def test_three_days_do_where_no_gap_is_asked_for():
    split = cut(3, SplitConfig(gap_days=0))

    assert [part.end.day for part in (split.train, split.validation)] == [3, 4]


def test_the_same_words_stand_on_the_same_side():
    texts = [f"Blue  shoes {number}" for number in range(200)]
    turned = [f"{number} shoes blue" for number in range(200)]

    assert np.array_equal(hold_out_queries(texts), hold_out_queries(turned))


def test_about_as_many_queries_are_held_out_as_asked_for():
    texts = [f"query {number}" for number in range(20_000)]

    assert hold_out_queries(texts).mean() == pytest.approx(0.2, abs=0.01)
    assert hold_out_queries(texts, SplitConfig(query_share=0.3)).mean() == pytest.approx(
        0.3, abs=0.01
    )
    assert not hold_out_queries(texts, SplitConfig(query_share=0.0)).any()


def test_a_larger_share_only_adds_queries():
    texts = [f"query {number}" for number in range(500)]
    few, many = (hold_out_queries(texts, SplitConfig(query_share=share)) for share in (0.1, 0.4))

    assert np.array_equal(few & many, few)


def test_a_query_without_words_is_not_held_out():
    assert not hold_out_queries(["", "   "], SplitConfig(query_share=0.99)).any()


def test_no_group_of_people_stands_on_both_sides():
    taught, judging = split_people(SplitConfig(people_share=0.5))

    assert len(taught) == len(judging) == 32
    assert sorted(taught + judging) == list(range(N_SHARDS))
    assert judging != list(range(32, 64))


def test_seen_and_unseen_are_what_the_model_learned_from():
    parts = name_parts(np.array([3, 2, 1]), np.array([True, False, True]))

    assert parts["seen"].tolist() == [True, False, True]
    assert parts["unseen"].tolist() == [False, True, False]


def test_head_torso_and_tail_each_make_about_a_third_of_the_searches():
    searches = (10_000 / np.arange(1, 2_001)).astype(np.int64)
    parts = name_parts(searches, np.ones(2_000, dtype=bool))
    shares = [searches[parts[name]].sum() / searches.sum() for name in ("head", "torso", "tail")]

    assert shares == pytest.approx([1 / 3] * 3, abs=0.04)
    assert parts["head"].sum() < parts["torso"].sum() < parts["tail"].sum()


def test_queries_asked_equally_often_stand_together():
    parts = name_parts(np.full(9, 4), np.ones(9, dtype=bool))

    assert parts["torso"].all()
    assert not parts["head"].any()


def test_no_queries_have_no_parts():
    parts = name_parts(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool))

    assert {rows.size for rows in parts.values()} == {0}


def test_rows_that_do_not_fit_are_refused():
    with pytest.raises(TableError, match="searches are"):
        name_parts(np.ones(2, dtype=np.int64), np.ones(3, dtype=bool))


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"validation_share": 0.0}, "validation_share"),
        ({"validation_share": 0.5, "test_share": 0.5}, "test_share"),
        ({"gap_days": -1}, "gap_days"),
        ({"query_share": 1.0}, "query_share"),
        ({"people_share": -0.1}, "people_share"),
    ],
    ids=["no-validation", "no-training", "negative-gap", "all-queries", "negative-people"],
)
def test_settings_out_of_range_are_named(fields, where):
    with pytest.raises(SettingsError) as caught:
        SplitConfig(**fields)

    assert caught.value.where == where
