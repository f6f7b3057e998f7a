"""Position bias over HTTP."""

import pytest

from rankloop.connection import connect

PATH = "/v1/bias/products"


def test_a_log_that_cannot_tell_says_what_it_lacks(shop):
    answer = shop.get(PATH)
    bias = answer.json()

    assert answer.status == 200
    assert bias["status"] == "not_identifiable"
    assert bias["method"] == "none"
    assert bias["lack"] in {"repeats", "swaps"}
    assert bias["advice"]
    assert bias["positions"]
    assert {row["propensity"] for row in bias["positions"]} == {None}
    assert {"position", "std_error", "low", "high", "naive", "light"} <= bias["positions"][0].keys()


def test_an_empty_store_lacks_lists(api):
    bias = api.get("/v1/bias/-").json()

    assert (bias["retriever_id"], bias["lack"], bias["positions"]) == (None, "impressions", [])


def test_a_log_sent_again_changes_nothing(api):
    lists = [
        {
            "search_id": f"s{k}",
            "retriever_id": "products",
            "query": "shoes",
            "user_id": f"u{k}",
            "timestamp": "2026-11-02T08:00:00Z",
            "results": [{"document_id": name} for name in ("ab" if k % 2 else "ba")],
        }
        for k in range(40)
    ]
    clicks = [
        {
            "interaction_id": f"i{k}",
            "search_id": f"s{k}",
            "feature_id": "ab"[k % 3 == 0],
            "interaction_type": "click",
            "timestamp": "2026-11-02T08:00:09Z",
        }
        for k in range(40)
    ]
    found = []
    for _ in range(2):
        api.fill(lists, "/v1/searches")
        api.fill(clicks)
        found.append((api.get(PATH).body, api.get("/v1/analytics/pairs").body))

    assert found[0] == found[1]
    assert api.get(PATH).json()["positions"][1]["propensity"] is not None


def test_an_empty_window_lacks_lists(shop):
    moment = "2026-11-02T08:00:00Z"

    assert shop.get(PATH, start=moment, end=moment).json()["lack"] == "impressions"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"start": "2026-11-03T00:00:00Z", "end": "2026-11-02T00:00:00Z"}, "/end"),
        ({"segment": "color:red"}, "/segment"),
        ({"include_robots": "true"}, "/include_robots"),
    ],
)
def test_what_cannot_be_asked_is_pointed_at(shop, query, pointer):
    answer = shop.get(PATH, **query)

    assert answer.status == 400
    assert pointer in answer.body.decode()


def test_the_client_answers_with_the_record(tmp_path):
    with connect(str(tmp_path / "data")) as loop:
        bias = loop.bias.get("-", days=7)

    assert bias.status == "not_identifiable"
    assert bias.window.start is not None
