"""What a person opened before comes first; profiles move what is ambiguous, and only so far."""

import numpy as np
import pytest

from rankloop.events.types import DEFAULT_WEIGHTS
from rankloop.indexing.base import Document
from rankloop.stages.base import Candidates
from rankloop.stages.personalization import PersonalizationConfig, Personalize
from rankloop.testing.counted_shop import CountedShop
from rankloop.testing.memory_index import MemoryIndex
from rankloop.testing.stage_contract import StageContract, build_candidates, build_query

BLUE = build_query().query_key


@pytest.fixture(scope="module")
def index():
    """Return six documents: d0 to d2 point east and are of acme, d3 to d5 north and of zeta."""
    index = MemoryIndex(dimension=2)
    index.upsert(
        [
            Document(
                f"d{number}",
                "",
                np.array((1.0, 0.0) if number < 3 else (0.0, 1.0), np.float32),
                {"brand": "acme" if number < 3 else "zeta"},
            )
            for number in range(6)
        ]
    )
    return index


@pytest.fixture(scope="module")
def shop():
    """Return a shop in which u~1 found d4 twice by `blue shoes`, which means many things."""
    shop = CountedShop()
    for number in range(2):
        shop.click(f"again{number}", "d4", query_key=BLUE, at=shop.at(hours=-2 - number))
    for number in range(6):
        shop.click(f"taste{number}", f"d{3 + number % 3}", at=shop.at(hours=-24 * number - 5))
    for number in range(64):
        shop.click(f"others{number}", f"x{number % 16}", f"u~o{number}", query_key=BLUE)
    shop.click("visit", "d0", None, session_id="visit")
    shop.counters.settle()
    yield shop
    shop.close()


class TestPersonalize(StageContract):
    @pytest.fixture(autouse=True)
    def open(self, shop, index):
        self.shop, self.index = shop, index

    def stage(self, **fields):
        return Personalize(
            self.shop.counters, self.index, PersonalizationConfig(**fields), DEFAULT_WEIGHTS
        )

    def order(self, query=None, **fields):
        after = self.stage(**fields)(query or self.query(), self.candidates())
        return list(after.document_ids)

    def test_what_the_person_opened_for_the_same_query_comes_first(self):
        after = self.stage()(self.query(), self.candidates())
        spread = self.candidates().scores.std()
        assert after.scores[after.document_ids.index("d4")] == pytest.approx(
            2 + 2.0 * spread * 2 / 2.5
        )
        assert after.document_ids.index("d4") < 4

    def test_for_another_query_nothing_is_found_again(self):
        other = build_query(query_key="00000000000000dd")
        assert self.order(other) == ["d0", "d1", "d2", "d3", "d4", "d5"]

    def test_another_person_s_clicks_move_nothing(self):
        stranger = build_query(user_key="u~9", session_id=None)
        assert self.order(stranger) == ["d0", "d1", "d2", "d3", "d4", "d5"]

    def test_profiles_are_off_until_they_are_asked_for(self):
        assert PersonalizationConfig().profile_weight == 0
        assert PersonalizationConfig().affinity_weight == 0

    def test_what_is_like_the_person_s_documents_rises_where_the_query_is_ambiguous(self):
        after = self.order(repeat_weight=0.0, profile_weight=10.0)
        assert set(after[:3]) == {"d3", "d4", "d5"}

    def test_a_profile_moves_nothing_where_everybody_means_the_same(self):
        for number in range(60):
            self.shop.click(f"all{number}", "d9", f"u~p{number}", query_key="0000aaaa00000000")
        self.shop.counters.settle()
        clear = build_query(query_key="0000aaaa00000000")
        assert self.order(clear, repeat_weight=0.0, profile_weight=10.0)[0] == "d0"

    def test_a_profile_moves_nothing_for_a_query_that_nobody_clicked(self):
        never = build_query(query_key="")
        assert self.order(never, profile_weight=10.0)[0] == "d0"

    def test_a_brand_that_the_person_prefers_rises(self):
        after = self.order(repeat_weight=0.0, affinity_weight=10.0, fields=("brand",))
        assert set(after[:3]) == {"d3", "d4", "d5"}

    def test_a_session_has_a_profile_of_its_own(self):
        visitor = build_query(user_key=None, session_id="visit")
        stage = self.stage(repeat_weight=0.0, profile_weight=10.0)
        before = Candidates(("d5", "d3", "d1", "d4"), np.array([1.2, 1.1, 1.0, 0.0]))
        after = stage(visitor, before)
        # Half of the profile is the session's, and one event is trusted by 1 / (1 + 5).
        assert after.scores[after.document_ids.index("d1")] == pytest.approx(
            1.0 + before.scores.std() * 10 * 0.5 / 6, rel=0.02
        )
        assert after.document_ids[0] == "d1"

    def test_with_few_events_there_is_no_long_profile(self):
        stage = self.stage(profile_weight=1.0, repeat_weight=0.0, min_interactions=50)
        alone = build_query(session_id=None)
        assert stage(alone, self.candidates()).scores.tolist() == self.candidates().scores.tolist()

    def test_without_weights_nothing_changes(self):
        before = self.candidates()
        assert self.stage(repeat_weight=0.0)(self.query(), before) is before

    def test_what_is_added_is_bounded_by_the_weights(self):
        before = self.candidates()
        stage = self.stage(profile_weight=1.0, affinity_weight=1.0, fields=("brand",))
        after = stage(self.query(), before)
        moved = dict(zip(after.document_ids, after.scores.tolist(), strict=True))
        spread = before.scores.std()
        for name, score in zip(before.document_ids, before.scores.tolist(), strict=True):
            assert abs(moved[name] - score) <= (2.0 + 1.0 + 1.0) * spread

    def test_does_not_depend_on_the_unit_of_the_score(self):
        tens = build_candidates()
        fractions = Candidates(tens.document_ids, tens.scores / 100)
        stage = self.stage()
        assert stage(self.query(), tens).document_ids == stage(self.query(), fractions).document_ids

    def test_says_why(self):
        notes = self.stage(profile_weight=1.0).notes(self.query(), ["d0", "d4", "unknown"])
        assert notes["d4"]["repeat_clicks"] == 0.8
        assert notes["d4"]["profile"] > 0
        assert "unknown" not in notes
