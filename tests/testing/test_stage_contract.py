"""The contract of stages holds good ones to it, and catches those that break it."""

import numpy as np
import pytest

from rankloop.stages.base import Candidates
from rankloop.testing.stage_contract import StageContract, build_candidates


def reverse(query, candidates):
    return candidates.rescored(candidates.scores[::-1].copy())


class TestReversing(StageContract):
    def stage(self):
        return reverse


def invent(query, candidates):
    return Candidates(("d0", "made up"), np.array([2.0, 1.0]))


def shuffle_in_place(query, candidates):
    candidates.scores[:] = 0.0
    return candidates


def worst_first(query, candidates):
    return Candidates(candidates.document_ids[::-1], candidates.scores[::-1])


@pytest.mark.parametrize(
    ("stage", "promise"),
    [
        (invent, "test_invents_no_document"),
        (invent, "test_takes_an_empty_list"),
        (shuffle_in_place, "test_leaves_its_input_alone"),
        (worst_first, "test_answers_best_first"),
        (worst_first, "test_keeps_what_is_pinned_at_the_head"),
    ],
    ids=["invents", "invents from nothing", "changes its input", "worst first", "moves a pin"],
)
def test_a_stage_that_breaks_a_promise_is_caught(stage, promise):
    class Broken(StageContract):
        def stage(self):
            return stage

    with pytest.raises((AssertionError, ValueError)):
        getattr(Broken(), promise)()


def test_rescoring_keeps_the_order_of_ties():
    candidates = build_candidates(4)
    again = candidates.rescored(np.array([1.0, 2.0, 1.0, 2.0]))
    assert again.document_ids == ("d1", "d3", "d0", "d2")
    assert again.scores.tolist() == [2.0, 2.0, 1.0, 1.0]
