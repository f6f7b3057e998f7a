"""A log by place and people: what counts a search, what a curve weighs, who moves it how far."""

import numpy as np
import pytest

from rankloop.errors import TableError
from rankloop.evaluation.logged_clicks import Examination, Guess, LoggedClicks, Placement


def two_lists():
    """Query 0 is asked three times by group 0 and once by group 2, query 1 never."""
    return LoggedClicks(
        query=np.array([0, 0, 1]),
        pair=np.array([0, 1, 0, 1]),
        position=np.array([0, 1, 1, 0]),
        shard=np.array([0, 0, 2, 2]),
        n=np.array([3.0, 3.0, 1.0, 1.0]),
        clicks=np.array([1.0, 0.0, 0.0, 1.0]),
    )


def test_lists_are_counted_by_what_stands_at_their_top():
    logged = two_lists()

    assert logged.searches.tolist() == [4.0, 0.0]
    assert logged.groups.tolist() == [0, 2]


def test_a_logged_ranking_is_the_mix_that_people_saw():
    placed = Placement.logged(two_lists())

    # Pair 0 stood first three times of four and second once.
    assert placed.weigh(np.array([1.0, 0.5]), 3).tolist() == [0.875, 0.625, 0.0]


def test_columns_that_do_not_belong_together_are_refused():
    one, two = np.zeros(1, np.int64), np.zeros(2, np.int64)
    with pytest.raises(TableError, match="differ in length"):
        LoggedClicks(one, one, one, two, one.astype(float), one.astype(float))
    with pytest.raises(TableError, match="no pair"):
        LoggedClicks(one, one + 1, one, one, one.astype(float), one.astype(float))


@pytest.mark.parametrize(
    ("mean", "strength"), [([0.0, 0.1], 1.0), ([0.1], 0.0)], ids=["no-attraction", "no-strength"]
)
def test_a_guess_must_expect_something(mean, strength):
    with pytest.raises(TableError, match="above 0"):
        Guess(np.array(mean), strength)


def test_nobody_left_out_moves_a_known_curve():
    looks = Examination.known(np.array([1.0, 0.5, np.nan]), 3)

    assert looks.curve.tolist() == [1.0, 0.5, 0.0]
    assert (looks.without == looks.curve).all()
