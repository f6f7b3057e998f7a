"""The stage `diversify` keeps near-duplicates from standing side by side."""

import numpy as np
import pytest

from rankloop.stages.diversify import Diversify, DiversifyConfig, choose_in_turn
from rankloop.testing.stage_contract import StageContract, build_candidates, build_query


class TestDiversify(StageContract):
    def stage(self):
        return Diversify(self.index, DiversifyConfig(lambda_=0.3))

    def test_a_document_unlike_those_above_moves_up(self):
        after = self.stage()(build_query(), build_candidates(4))
        # behind d0: d1 is worth .3 * .67 - .7 * 1 = -.5, d3 .3 * 0 - .7 * 0 = 0
        assert after.document_ids == ("d0", "d3", "d1", "d2")

    def test_scores_stay_at_their_places(self):
        after = self.stage()(build_query(), build_candidates(4))
        assert after.scores.tolist() == [4.0, 3.0, 2.0, 1.0]

    def test_lambda_1_changes_nothing(self):
        before = build_candidates()
        assert Diversify(self.index, DiversifyConfig(lambda_=1.0))(build_query(), before) is before

    def test_what_lies_behind_top_k_keeps_its_place(self):
        stage = Diversify(self.index, DiversifyConfig(lambda_=0.3, top_k=3))
        after = stage(build_query(), build_candidates())
        assert after.document_ids[3:] == ("d3", "d4", "d5")

    def test_compares_a_field_where_one_is_named(self):
        stage = Diversify(self.index, DiversifyConfig(lambda_=0.5, field="color"))
        after = stage(build_query(), build_candidates(4))
        assert after.document_ids == ("d0", "d3", "d1", "d2")

    def test_chooses_with_pinned_documents_in_mind(self):
        after = self.stage()(build_query(), build_candidates(4, pinned=2))
        assert after.document_ids == ("d0", "d1", "d3", "d2")


@pytest.mark.parametrize("lambda_", [0.0, 0.5, 1.0])
def test_every_document_is_chosen_once(lambda_):
    rng = np.random.default_rng(5)
    likeness = rng.random((9, 9))
    order = choose_in_turn(rng.random(7), likeness, lambda_)
    assert sorted(order) == list(range(7))


def test_the_worth_of_each_choice_is_worked_by_hand():
    # after 0: 1 is worth .5*.9 - .5*1 = -.05, 2 is worth .5*.4 - .5*.2 = .1
    likeness = np.array([[1.0, 1.0, 0.2], [1.0, 1.0, 0.2], [0.2, 0.2, 1.0]])
    assert choose_in_turn(np.array([1.0, 0.9, 0.4]), likeness, 0.5) == [0, 2, 1]
