"""The stage `filter` keeps what satisfies its conditions, wherever the fields come from."""

import pytest

from rankloop.errors import InputError
from rankloop.stages.filter import FilterConfig, FilterDocuments
from rankloop.testing.stage_contract import StageContract, build_candidates, build_query


class TestFilterDocuments(StageContract):
    def stage(self):
        return FilterDocuments(self.index, FilterConfig(filters={"color": "red"}))

    def test_keeps_what_satisfies_the_conditions(self):
        kept = self.stage()(build_query(), build_candidates())
        assert kept.document_ids == ("d0", "d1", "d2", "d4")
        assert kept.scores.tolist() == [6.0, 5.0, 4.0, 2.0]

    def test_fields_that_the_candidates_carry_count_before_those_of_the_index(self):
        before = build_candidates(2, payloads={"d0": {"color": "green"}})
        assert self.stage()(build_query(), before).document_ids == ("d1",)

    def test_a_document_without_the_field_is_left_out(self):
        assert "d5" not in self.stage()(build_query(), build_candidates()).document_ids

    def test_a_pinned_document_that_fails_is_taken_out_of_the_head(self):
        before = build_candidates(6, pinned=4)
        after = self.stage()(build_query(), before)
        assert (after.document_ids, after.pinned) == (("d0", "d1", "d2", "d4"), 3)


def test_a_condition_that_cannot_be_read_is_refused_when_the_stage_is_configured():
    with pytest.raises(InputError) as caught:
        FilterConfig(filters={"color": {"$like": "r"}})
    assert caught.value.where == "/filters/color/$like"
