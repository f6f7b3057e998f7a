"""The stage `pin` puts documents at fixed places, for every query or for one."""

import pytest

from rankloop.errors import FaultsError
from rankloop.stages.base import Candidates
from rankloop.stages.pin import Pin, PinConfig, PinRule
from rankloop.testing.stage_contract import StageContract, build_candidates, build_query

SHOES = PinRule(query="Blue  shoes", document_ids=("d4",))


class TestPin(StageContract):
    finds_documents = True

    def known(self):
        return {"d0", "d1", "d2", "d3", "d4", "d5"}

    def stage(self):
        return Pin(self.index, PinConfig(document_ids=("d5", "d3")))

    def test_puts_documents_first_in_the_order_given(self):
        after = self.stage()(build_query(), build_candidates())
        assert after.document_ids == ("d5", "d3", "d0", "d1", "d2", "d4")
        assert after.pinned == 2

    def test_brings_a_document_that_nothing_found(self):
        after = self.stage()(build_query(), build_candidates(2))
        assert after.document_ids == ("d5", "d3", "d0", "d1")
        assert after.payloads["d3"] == {"color": "blue"}

    def test_leaves_out_a_document_that_the_index_does_not_hold(self):
        stage = Pin(self.index, PinConfig(document_ids=("gone", "d5")))
        assert stage(build_query(), Candidates.empty()).document_ids == ("d5",)

    def test_scores_fall_along_the_list(self):
        after = self.stage()(build_query(), build_candidates())
        assert after.scores.tolist() == [6.0, 6.0, 6.0, 5.0, 4.0, 2.0]

    def test_begins_at_the_position_given(self):
        stage = Pin(self.index, PinConfig(document_ids=("d5",), position=2))
        after = stage(build_query(), build_candidates())
        assert after.document_ids == ("d0", "d1", "d5", "d2", "d3", "d4")

    def test_a_position_behind_the_end_is_the_end(self):
        stage = Pin(self.index, PinConfig(document_ids=("d5",), position=9))
        assert stage(build_query(), build_candidates(2)).document_ids == ("d0", "d1", "d5")

    def test_a_rule_for_the_query_counts_instead_of_what_is_always_pinned(self):
        stage = Pin(self.index, PinConfig(document_ids=("d5",), rules=(SHOES,)))
        assert stage(build_query(text="BLUE shoes "), build_candidates()).document_ids[0] == "d4"
        assert stage(build_query(text="shoes"), build_candidates()).document_ids[0] == "d5"

    def test_moves_nothing_for_a_query_without_a_rule(self):
        stage = Pin(self.index, PinConfig(rules=(SHOES,)))
        before = build_candidates()
        assert stage(build_query(text="hat"), before) is before

    def test_stands_behind_what_was_pinned_before(self):
        after = self.stage()(build_query(), build_candidates(6, pinned=1))
        assert after.document_ids[:3] == ("d0", "d5", "d3")

    def test_says_which_documents_are_pinned(self):
        assert self.stage().notes(build_query(), ["d0", "d5"]) == {"d5": {"pinned": True}}


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, "/document_ids"),
        ({"document_ids": ("d1", "d2", "d1")}, "/document_ids/2"),
        ({"rules": (SHOES, PinRule(query="blue shoes", document_ids=()))}, "/rules/1/query"),
    ],
    ids=["nothing", "twice", "two rules"],
)
def test_pins_that_contradict_each_other_are_refused(fields, pointer):
    with pytest.raises(FaultsError) as caught:
        PinConfig(**fields)
    assert caught.value.where == pointer
