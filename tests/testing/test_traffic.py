"""Simulated traffic in the wire's form."""

from datetime import UTC, datetime

import msgspec
import pytest

from rankloop.testing.shop import Shop
from rankloop.testing.shoppers import TrafficConfig
from rankloop.testing.traffic import Traffic

END_AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def traffic():
    return Traffic(Shop(), END_AT, TrafficConfig(n_searches=3_000))


@pytest.fixture(scope="module")
def searches(traffic):
    return [msgspec.json.decode(line) for line in traffic.iter_searches()]


@pytest.fixture(scope="module")
def interactions(traffic):
    return [msgspec.json.decode(line) for line in traffic.iter_interactions()]


def test_lists_have_ten_results_or_none(searches):
    assert {len(row["results"]) for row in searches} == {0, 10}


def test_no_list_and_no_interaction_has_the_identity_of_another(searches, interactions):
    assert len({(row["search_id"], row["offset"]) for row in searches}) == len(searches)
    assert len({row["interaction_id"] for row in interactions}) == len(interactions)


def test_a_position_names_the_document_that_was_clicked(searches, interactions):
    shown = {
        (row["search_id"], row["offset"] + place): result["document_id"]
        for row in searches
        for place, result in enumerate(row["results"])
    }
    linked = [row for row in interactions if "search_id" in row]
    assert len(linked) > 1_000
    assert all(shown[row["search_id"], row["position"]] == row["feature_id"] for row in linked)


def test_some_interactions_name_no_search_and_some_no_list_at_all(interactions):
    unlinked = [row for row in interactions if "search_id" not in row]
    orphans = [row for row in unlinked if "position" not in row]
    assert 0 < len(orphans) < len(unlinked) < len(interactions) / 3


def test_purchases_carry_the_price(interactions):
    bought = [row for row in interactions if row["interaction_type"] == ["purchase"]]
    assert bought
    assert all(row["value"] > 0 and row["currency"] == "EUR" for row in bought)


def test_the_same_traffic_is_written_the_same_way(traffic):
    assert list(traffic.iter_searches()) == list(traffic.iter_searches())


def test_the_naive_curve_starts_at_1(traffic):
    assert traffic.naive_examination()[0] == 1.0
