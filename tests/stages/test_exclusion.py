"""What a person has bought is not shown again, on any page, until it may come back."""

from datetime import timedelta

import pytest

from rankloop.errors import FaultsError
from rankloop.stages.exclusion import ExcludeInteracted, ExclusionConfig
from rankloop.testing.counted_shop import CountedShop
from rankloop.testing.stage_contract import StageContract, build_candidates, build_query


@pytest.fixture(scope="module")
def shop():
    shop = CountedShop()
    shop.click("bought", "d1", types=["purchase"])
    shop.click("bought long ago", "d2", types=["purchase"], at=shop.at(days=-40))
    shop.click("clicked", "d3")
    shop.click("in the session", "d4", None, ["purchase"], session_id="s1")
    shop.click("somebody else", "d5", "u~2", ["purchase"])
    shop.counters.settle()
    yield shop
    shop.close()


class TestExcludeInteracted(StageContract):
    @pytest.fixture(autouse=True)
    def open(self, shop):
        self.shop = shop

    def stage(self, **fields):
        return ExcludeInteracted(self.shop.counters, ExclusionConfig(**fields))

    def left(self, query=None, **fields):
        after = self.stage(**fields)(query or self.query(), self.candidates())
        return list(after.document_ids)

    def test_takes_out_what_the_user_bought(self):
        assert self.left() == ["d0", "d3", "d4", "d5"]

    def test_takes_out_by_the_types_that_it_is_told(self):
        assert self.left(interaction_types=("click",)) == ["d0", "d1", "d2", "d4", "d5"]

    def test_looks_back_as_far_as_it_is_told(self):
        assert self.left(days=30.0) == ["d0", "d2", "d3", "d4", "d5"]

    def test_lets_a_document_come_back_when_it_has_cooled_down(self):
        assert self.left(cool_down_days=30.0) == ["d0", "d2", "d3", "d4", "d5"]

    def test_goes_by_the_session_where_it_is_told(self):
        assert self.left(scope="session") == ["d0", "d1", "d2", "d3", "d5"]

    def test_goes_by_the_session_where_nobody_is_signed_in(self):
        assert self.left(build_query(user_key=None)) == ["d0", "d1", "d2", "d3", "d5"]

    def test_says_what_must_not_be_found(self):
        assert self.stage().excluded_documents(self.query()) == {"d1", "d2"}

    def test_takes_nothing_from_nobody(self):
        nobody = build_query(user_key=None, session_id=None)
        assert self.stage().excluded_documents(nobody) == frozenset()

    def test_the_moment_of_the_query_decides(self):
        later = build_query(now=build_query().now + timedelta(days=91))
        assert self.left(later) == ["d0", "d1", "d2", "d3", "d4", "d5"]

    def test_what_is_bought_is_gone_even_where_it_was_pinned(self):
        after = self.stage()(self.query(), build_candidates(6, pinned=2))
        assert after.document_ids[:1] == ("d0",)
        assert after.pinned == 1


def test_a_purchase_is_taken_out_of_the_next_answer():
    shop = CountedShop()
    stage = ExcludeInteracted(shop.counters)
    assert len(stage(build_query(), build_candidates(3))) == 3
    shop.click("i1", "d1", types=["purchase"])
    shop.counters.settle()
    assert stage(build_query(), build_candidates(3)).document_ids == ("d0", "d2")
    shop.close()


def test_a_custom_type_is_refused_with_its_place():
    with pytest.raises(FaultsError) as refused:
        ExclusionConfig(interaction_types=("lent",))
    assert refused.value.where == "/interaction_types/0"
