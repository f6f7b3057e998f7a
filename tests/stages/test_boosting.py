"""Popular documents stand higher: as far as the evidence goes, and no further than allowed."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gamma

from rankloop.counters.base import CountersConfig, Popularity
from rankloop.errors import FaultsError
from rankloop.stages.base import Candidates
from rankloop.stages.boosting import (
    InteractionBoost,
    InteractionBoostConfig,
    bound_ratio,
    expect_interactions,
)
from rankloop.testing.counted_shop import CountedShop
from rankloop.testing.stage_contract import StageContract, build_candidates, build_query


def config(**fields):
    return InteractionBoostConfig(
        **{"interaction_types": ("click", "purchase"), "time_window_days": 7.0, **fields}
    )


@pytest.fixture(scope="module")
def shop():
    shop = CountedShop(CountersConfig())
    for number in range(20):
        shop.click(f"burst{number}", "d3", f"u~{number}")
    shop.click("lucky", "d5")
    shop.counters.settle()
    yield shop
    shop.close()


@pytest.fixture
def empty_shop():
    shop = CountedShop()
    yield shop
    shop.close()


def boost(shop, **fields):
    return InteractionBoost(shop.counters, config(**fields))


class TestInteractionBoost(StageContract):
    @pytest.fixture(autouse=True)
    def open(self, shop):
        self.shop = shop

    def stage(self):
        return boost(self.shop)

    def test_a_burst_of_clicks_lifts_a_document(self):
        after = self.stage()(self.query(), self.candidates())
        # Six documents scored 6 to 1: 3 times 1.2 is not yet above 4.
        assert after.scores[after.document_ids.index("d3")] == pytest.approx(3 * 1.2)
        close = Candidates(("d0", "d3"), np.array([1.0, 0.9]))
        assert self.stage()(self.query(), close).document_ids == ("d3", "d0")

    def test_one_lucky_click_boosts_nothing(self):
        after = self.stage()(self.query(), self.candidates())
        assert after.scores[after.document_ids.index("d5")] == 1.0

    def test_a_document_that_nobody_knows_stays_where_it_is(self):
        unknown = Candidates(("x", "y"), np.array([2.0, 1.0]))
        after = self.stage()(self.query(), unknown)
        assert after.scores.tolist() == [2.0, 1.0]

    @pytest.mark.parametrize("mode", ["decayed", "raw"])
    @pytest.mark.parametrize("nothing", [{"weight": 0.0}, {"boost_multiplier": 1.0}])
    def test_without_weight_or_multiplier_nothing_changes(self, nothing, mode):
        before = self.candidates()
        after = boost(self.shop, mode=mode, **nothing)(self.query(), before)
        assert after is before

    def test_half_a_weight_is_half_of_the_way_in_logarithms(self):
        found = boost(self.shop, weight=0.5).measure(self.query(), ["d3"])
        assert found.boost[0] == pytest.approx(1.2**0.5)

    def test_once_the_window_has_passed_the_boost_is_gone(self):
        later = build_query(now=build_query().now + timedelta(days=7))
        assert self.stage().measure(later, ["d3"]).boost.tolist() == [1.0]

    def test_raw_multiplies_for_each_doubling_and_knows_no_bound(self):
        found = boost(self.shop, mode="raw", boost_multiplier=2.0).measure(
            self.query(), ["d3", "d5", "x"]
        )
        assert found.boost == pytest.approx([21.0, 2.0, 1.0])

    def test_scores_of_0_or_less_get_the_logarithm_added_in_their_own_spread(self):
        before = Candidates(("d0", "d3"), np.array([0.0, -2.0]))
        after = self.stage()(self.query(), before)
        assert after.scores.tolist() == pytest.approx([0.0, -2.0 + np.log(1.2)])

    def test_says_why(self):
        notes = self.stage().notes(self.query(), ["d0", "d3", "d5"])
        assert "d0" not in notes
        assert notes["d3"]["boost"] == 1.2
        assert notes["d3"]["count"] == pytest.approx(20, rel=0.02)
        assert notes["d3"]["expected"] == 1.0
        assert notes["d5"]["boost"] == 1.0


def test_clicks_of_what_stood_on_top_are_no_popularity(empty_shop):
    # d1 always stands first and gets 15 of 24 clicks, d2 5, d3 4. Examinations of 1, 1/2 and 1/3
    # let expect 13, 7 and 4: nothing to see, but for whoever counts clicks.
    for number in range(40):
        empty_shop.search(f"s{number}", ["d1", "d2", "d3"], f"u~{number}")
    for number in range(24):
        document = "d1" if number < 15 else "d2" if number < 20 else "d3"
        empty_shop.click(f"c{number}", document, f"u~{number}", search_id=f"s{number}")
    empty_shop.counters.settle()
    query = build_query()
    found = boost(empty_shop).measure(query, ["d1", "d2", "d3"])
    assert found.boost.tolist() == [1.0, 1.0, 1.0]
    assert found.expected == pytest.approx(found.count, rel=0.5)
    raw = boost(empty_shop, mode="raw").measure(query, ["d1", "d2", "d3"]).boost
    assert raw[0] > 1.3 * raw[2]


def test_what_is_shown_and_passed_over_sinks(empty_shop):
    for number in range(60):
        empty_shop.search(f"s{number}", ["d1", "d2"], f"u~{number}")
        empty_shop.click(f"c{number}", "d2", f"u~{number}", search_id=f"s{number}")
    empty_shop.counters.settle()
    found = boost(empty_shop).measure(build_query(), ["d1", "d2", "x"])
    assert found.boost == pytest.approx([1 / 1.2, 1.2, 1.0])


def test_per_query_counts_what_was_clicked_for_that_query(empty_shop):
    blue, red = build_query(text="blue"), build_query(text="red", query_key="00000000000000cc")
    for number in range(20):
        empty_shop.click(f"c{number}", "d1", f"u~{number}", query_key=blue.query_key)
    empty_shop.counters.settle()
    empty_shop.deliver()
    stage = boost(empty_shop, per_query=True)
    assert stage.measure(blue, ["d1"]).boost.tolist() == [1.2]
    assert stage.measure(red, ["d1"]).boost.tolist() == [1.0]


def test_the_bound_is_that_of_a_gamma_distribution():
    low, high = bound_ratio(np.array([12.0, 1.0]), np.array([4.0, 30.0]), 2.0)
    assert low == pytest.approx(gamma.ppf(0.05, 14.0, scale=1 / 6.0), rel=1e-5)
    assert high == pytest.approx(gamma.ppf(0.95, 3.0, scale=1 / 32.0), rel=1e-5)


def test_the_bound_is_right_to_five_digits_from_half_an_interaction_to_a_hundred_million():
    shapes = np.geomspace(0.5, 1e8, 997)
    over = bound_ratio(shapes - 0.5, np.zeros_like(shapes), 0.5)
    exact = gamma.ppf(0.05, shapes) / 0.5
    assert over == pytest.approx(np.maximum(exact, 1.0), rel=1e-5)


@given(
    st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), min_size=1, max_size=20),
    st.floats(1.0, 100.0),
)
def test_more_interactions_never_lower_a_bound_and_the_boost_stays_within_it(pairs, prior):
    count, expected = np.array(pairs).T
    bound = bound_ratio(count, expected, prior)
    more = bound_ratio(count + 1.0, expected, prior)
    assert (more >= bound - 1e-9).all()
    assert (bound > 0).all()


def test_without_exposure_a_document_is_measured_by_the_others():
    counted = Popularity(np.array([20.0, 4.0, 0.0]), np.zeros(3), 24.0, 0.0, 2, 0.0)
    expected, can_fall = expect_interactions(counted)
    assert expected.tolist() == [4.0, 20.0, 0.0]
    assert not can_fall


@pytest.mark.parametrize("mode", ["decayed", "raw"])
def test_counts_from_robots_and_repeats_of_one_person_do_not_add_up(empty_shop, mode):
    for number in range(50):
        empty_shop.click(f"c{number}", "d1", "u~1")
    empty_shop.counters.settle()
    found = boost(empty_shop, mode=mode).measure(build_query(), ["d1"])
    assert found.boost[0] == pytest.approx(1.0 if mode == "decayed" else 1.2)


def test_a_custom_type_is_refused_with_its_place():
    with pytest.raises(FaultsError) as refused:
        config(interaction_types=("click", "hovered"))
    assert refused.value.where == "/interaction_types/1"


def test_nobody_in_front_of_an_empty_list_asks_the_counters():
    stage = InteractionBoost(None, config())
    assert len(stage(build_query(), Candidates.empty())) == 0
    assert build_candidates(1).document_ids == ("d0",)
