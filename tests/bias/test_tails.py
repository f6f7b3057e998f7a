"""Tails count what was read for sure, and keep what was not in its order."""

import numpy as np
import pytest

from rankloop.bias.cells import Pairs
from rankloop.bias.lists import Lists
from rankloop.bias.simulation_users import SatisfiableUsers
from rankloop.bias.tails import fold_tails, merge_tails
from rankloop.errors import TableError

TABLE = Pairs(np.zeros(3, int), np.array(["q"], object), np.array(["a", "b", "c"], object))


def build(pairs, clicks):
    return fold_tails(Lists(np.array(pairs), np.array(clicks, dtype=bool), TABLE))


def test_what_stands_above_the_last_click_was_read():
    tails = build([[0, 1, 2], [2, 1, 0]], [[0, 1, 0], [1, 0, 1]])
    assert tails.n_read.tolist() == [2, 2, 1]
    assert tails.clicks.tolist() == [1, 1, 1]
    assert tails.last_clicks.tolist() == [1, 1, 0]
    assert tails.position_clicks.tolist() == [1, 1, 1]
    assert tails.position_last_clicks.tolist() == [0, 1, 1]
    assert tails.n_continued == 1 + 2


def test_a_tail_begins_with_the_last_click_or_is_the_whole_list():
    tails = build([[0, 1, 2], [0, 1, 2], [0, 1, 2]], [[0, 1, 0], [0, 1, 0], [0, 0, 0]])
    held = [(g.is_clicked, g.pairs.tolist(), g.n.tolist()) for g in tails.groups]
    assert held == [(False, [[0, 1, 2]], [1]), (True, [[1, 2]], [2])]
    assert tails.n_tails == 2
    assert tails.count_unclicked().tolist() == [1, 1, 1]


def test_a_short_list_has_a_short_tail():
    tails = build([[0, 1, -1]], [[1, 0, 0]])
    assert [group.pairs.tolist() for group in tails.groups] == [[[0, 1]]]


def test_tails_of_two_logs_together_are_the_tails_of_both(simulate):
    lists = simulate(SatisfiableUsers(), n_searches=4_000).run().lists
    whole = fold_tails(lists)
    merged = merge_tails(
        fold_tails(lists.select(slice(1_500))), fold_tails(lists.select(slice(1_500, None)))
    )
    for name in ("n_read", "clicks", "last_clicks", "position_clicks", "position_last_clicks"):
        assert np.array_equal(getattr(merged, name), getattr(whole, name))
    assert len(merged.groups) == len(whole.groups)
    for one, other in zip(merged.groups, whole.groups, strict=True):
        assert one.is_clicked == other.is_clicked
        assert np.array_equal(one.pairs, other.pairs)
        assert np.array_equal(one.n, other.n)


def test_tails_that_number_otherwise_are_not_merged():
    other = fold_tails(
        Lists(
            np.zeros((1, 2), int),
            np.eye(1, 2, dtype=bool),
            Pairs(np.zeros(1, int), np.array(["q"], object), np.array(["a"], object)),
        )
    )
    with pytest.raises(TableError, match="number different pairs"):
        merge_tails(build([[0, 1]], [[1, 0]]), other)
    with pytest.raises(TableError, match="different width"):
        merge_tails(build([[0, 1]], [[1, 0]]), build([[0]], [[1]]))
