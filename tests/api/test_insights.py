"""Analytics over HTTP: every part answers, and points at what is wrong."""

import pytest

PATH = "/v1/analytics/retrievers/products"
PARTS = ["performance", "positions", "queries", "documents"]


def test_signals_are_one_answer(shop):
    signals = shop.get(f"{PATH}/signals").json()

    assert signals["overview"]["searches"] == 3
    assert {
        "overview",
        "ctr_by_position",
        "skipped_documents",
        "low_engagement_queries",
        "zero_result_queries",
        "average_first_click_position",
        "time_to_first_click",
    } <= signals.keys()
    assert set(signals["overview"]["ctr"]) == {"value", "n", "low", "high", "clustered_by"}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_paged(shop, part):
    answer = shop.get(f"{PATH}/{part}", page=1, page_size=1).json()

    paged = answer["days"] if part == "performance" else answer
    assert len(paged["results"]) <= 1
    assert paged["pagination"]["page_size"] == 1


def test_health_lists_findings(shop):
    health = shop.get(f"{PATH}/health").json()

    assert health["searches"] == 3
    assert isinstance(health["findings"], list)


@pytest.mark.parametrize("part", ["signals", "health", *PARTS])
def test_an_empty_store_gives_empty_answers(api, part):
    assert api.get(f"{PATH}/{part}").status == 200


def test_a_dash_means_all_retrievers(shop):
    everything = shop.get("/v1/analytics/retrievers/-/signals").json()

    assert everything["retriever_id"] is None
    assert everything["overview"]["searches"] == 3


def test_a_window_narrows(shop):
    signals = shop.get(f"{PATH}/signals", end="2026-11-02T08:00:00Z").json()

    assert signals["overview"]["searches"] == 0


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"days": 0}, "/days"),
        ({"days": 1.5}, "/days"),
        ({"days": 3, "start": "2026-01-01"}, "/days"),
        ({"segment": "country:de"}, "/segment"),
        ({"start": "2026-02-01", "end": "2026-01-01"}, "/end"),
        ({"page": 1}, "/page"),
    ],
)
def test_a_wrong_window_is_pointed_at(shop, query, pointer):
    answer = shop.get(f"{PATH}/signals", **query)

    assert (answer.status, answer.json()["errors"][0]["pointer"]) == (400, pointer)


def test_an_unknown_part_is_not_found(shop):
    assert shop.get(f"{PATH}/weather").status == 404
