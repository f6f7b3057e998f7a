"""Judgments and rankings refuse what cannot be."""

import numpy as np
import pytest

from rankloop.errors import TableError
from rankloop.evaluation.rankings import Judgments, Ranking

Q = np.array(["q", "q"])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Judgments(Q, np.array(["a", "b"]), np.array([1])), "differ in length: 2, 2, 1"),
        (lambda: Judgments(Q, np.array(["a", "b"]), np.array([1, -1])), "must be 0 or more"),
        (lambda: Judgments(Q, np.array(["a", "a"]), np.array([1, 0])), "judged twice"),
        (lambda: Ranking(Q, np.array(["a", "b"]), np.array([0])), "differ in length"),
        (lambda: Ranking(Q, np.array(["a", "b"]), np.array([0, -1])), "must be 0 or more"),
        (lambda: Ranking(Q, np.array(["a", "b"]), np.array([0, 0])), "a position stands twice"),
        (lambda: Ranking(Q, np.array(["a", "a"]), np.array([0, 1])), "a document_id stands twice"),
        (
            lambda: Ranking.from_scores(Q, np.array(["a", "b"]), np.array([0.0, np.nan])),
            "not a number",
        ),
    ],
    ids=["lengths", "negative", "twice", "lengths ", "negative ", "places", "documents", "nan"],
)
def test_refuses_what_cannot_be(build, message):
    with pytest.raises(TableError, match=message):
        build()


def test_scores_order_each_query_by_itself_and_ties_by_document():
    ranking = Ranking.from_scores(
        np.array(["r", "q", "q", "r", "q"]),
        np.array(["a", "c", "b", "b", "a"]),
        np.array([1.0, 5.0, 5.0, 2.0, 6.0]),
    )
    assert ranking.position.tolist() == [1, 2, 1, 0, 0]
    assert len(ranking) == 5
