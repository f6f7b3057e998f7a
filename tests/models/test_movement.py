"""The safety rule, by hand and for all lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.errors import SettingsError, TableError
from rankloop.models.movement import MovementConfig, limit_moves

PROVEN, SEEN, UNSEEN = 10.0, 3.0, 0.0


def move(scores, looks):
    return limit_moves(np.array(scores, dtype=float), np.array(looks, dtype=float)).tolist()


def test_proven_documents_are_ordered_by_score():
    assert move([1, 4, 2, 3], [PROVEN] * 4) == [1, 3, 2, 0]


def test_an_unseen_document_moves_up_one_rank():
    assert move([1, 2, 3, 9], [PROVEN, PROVEN, PROVEN, UNSEEN]) == [2, 1, 3, 0]


def test_a_document_seen_a_little_moves_up_three_ranks():
    assert move([1, 2, 3, 4, 5, 9], [PROVEN] * 5 + [SEEN]) == [4, 3, 5, 2, 1, 0]


def test_just_under_three_looks_is_unseen_and_just_under_ten_is_little():
    assert move([1, 1, 1, 1, 9], [PROVEN] * 4 + [2.99]) == [0, 1, 2, 4, 3]
    assert move([1, 1, 1, 1, 9], [PROVEN] * 4 + [9.99]) == [0, 4, 1, 2, 3]
    assert move([1, 1, 1, 1, 9], [PROVEN] * 4 + [10.0]) == [4, 0, 1, 2, 3]


def test_what_is_not_known_to_be_seen_is_unseen():
    assert move([1, 1, 9], [PROVEN, PROVEN, np.nan]) == [0, 2, 1]


def test_documents_may_sink_without_limit():
    assert move([0, 5, 5, 5, 5], [UNSEEN] * 5) == [1, 2, 3, 4, 0]


def test_all_unseen_move_up_one_rank_at_most():
    # Rank by rank: of a and b, b; of what is left and c, c; and so on.
    assert move([1, 2, 3, 4], [UNSEEN] * 4) == [1, 2, 3, 0]


def test_equal_scores_keep_the_serving_order():
    assert move([2, 2, 2], [PROVEN] * 3) == [0, 1, 2]


def test_a_document_without_a_score_goes_last():
    assert move([np.nan, 1, 2], [PROVEN] * 3) == [2, 1, 0]


def test_an_empty_list_stays_empty():
    assert move([], []) == []


def test_says_so_when_looks_are_missing():
    with pytest.raises(TableError, match="examinations are"):
        limit_moves(np.ones(3), np.ones(2))


def test_limits_that_contradict_each_other_are_refused():
    with pytest.raises(SettingsError):
        MovementConfig(proven=2.0, seen=3.0)
    with pytest.raises(SettingsError):
        MovementConfig(seen_ranks=1, unseen_ranks=2)


lists = st.lists(
    st.tuples(
        st.floats(-5, 5).map(lambda x: round(x, 1)),
        st.sampled_from([0.0, 2.0, 3.0, 9.0, 10.0, 500.0, np.nan]),
    ),
    max_size=40,
)


def limits_of(looks):
    looks = np.nan_to_num(np.array(looks))
    return np.where(looks >= 10, len(looks), np.where(looks >= 3, 3, 1))


@given(lists)
def test_every_document_keeps_one_place(rows):
    scores, looks = zip(*rows, strict=True) if rows else ([], [])
    assert sorted(move(scores, looks)) == list(range(len(rows)))


@given(lists)
def test_none_moves_up_further_than_its_looks_allow(rows):
    scores, looks = zip(*rows, strict=True) if rows else ([], [])
    order = np.array(move(scores, looks), dtype=int)
    climbed = order - np.arange(len(rows))
    assert (climbed <= limits_of(looks)[order]).all()


@given(lists)
def test_a_document_stands_behind_a_worse_one_only_where_it_may_not_pass(rows):
    scores, looks = zip(*rows, strict=True) if rows else ([], [])
    order, limits = move(scores, looks), limits_of(looks)
    for position, document in enumerate(order):
        for better in order[position + 1 :]:
            if scores[better] > scores[document]:
                assert better - limits[better] > position


@given(lists)
def test_an_order_within_the_limits_is_left_as_it_is(rows):
    scores, looks = zip(*rows, strict=True) if rows else ([], [])
    by_score = np.argsort(-np.array(scores), kind="stable").astype(int)
    order = move(scores, looks)
    if (by_score - np.arange(len(rows)) <= limits_of(looks)[by_score]).all():
        assert order == by_score.tolist()


@given(lists)
def test_the_serving_scores_change_nothing(rows):
    scores, looks = zip(*rows, strict=True) if rows else ([], [])
    assert move(sorted(scores, reverse=True), looks) == list(range(len(rows)))
