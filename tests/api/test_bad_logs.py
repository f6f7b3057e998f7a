"""Logs and questions that cannot be answered: the lack is named, and nothing of a library's."""

import pytest

START = "2026-11-02T09:00:00Z"
LIBRARIES = ("numpy", "scipy", "duckdb", "Traceback", "singular", "NaN", "Error:")


def show(api, shown, n=6, clicked=None, position=None, query="shoes {n}"):
    """Show lists, and click a document in each; `position` is what the tracker sends."""
    api.fill(
        [
            {
                "search_id": f"s{k}",
                "retriever_id": "products",
                "query": query.format(n=k),
                "user_id": f"u{k}",
                "timestamp": START,
                "results": [{"document_id": name} for name in shown],
            }
            for k in range(n)
        ],
        "/v1/searches",
    )
    if clicked is not None:
        api.fill(
            {
                "feature_id": clicked,
                "interaction_type": "click",
                "search_id": f"s{k}",
                "user_id": f"u{k}",
                "timestamp": "2026-11-02T09:00:05Z",
                **({} if position is None else {"position": position}),
            }
            for k in range(n)
        )


def ask(api, path, **query):
    """Return an answer's status and content, which must say nothing of a library's."""
    answer = api.get(path, **query)
    assert not [word for word in LIBRARIES if word in answer.body.decode()]
    return answer.status, answer.json()


@pytest.mark.parametrize(
    ("shown", "clicked", "query", "lack"),
    [
        (["a", "b", "c"], "b", "shoes {n}", "repeats"),
        (["a", "b", "c"], None, "shoes", "clicks"),
        (["a"], "a", "shoes", "positions"),
        (["a", "b", "c"], "b", "shoes", "swaps"),
    ],
    ids=["no-repeat", "no-click", "one-position", "frozen"],
)
def test_a_log_that_cannot_tell_names_its_lack_everywhere(api, shown, clicked, query, lack):
    show(api, shown, clicked=clicked, query=query)

    status, bias = ask(api, "/v1/bias/products")
    assert (status, bias["status"], bias["lack"]) == (200, "not_identifiable", lack)
    assert bias["advice"]
    assert {row["propensity"] for row in bias["positions"]} == {None}

    status, pairs = ask(api, "/v1/analytics/pairs")
    has_pairs = clicked is not None and query == "shoes"
    assert status == 200
    assert pairs["yields"]["propensities"] == "not_identifiable"
    assert {row["evidence"] for row in pairs["rows"]} == ({"uncorrected"} if has_pairs else set())
    assert not [row for row in pairs["rows"] if row["negative_ids"]]
    assert ("clicks" if clicked is None else "propensities") in pairs["yields"]["missing"]

    status, problem = ask(api, "/v1/exports/judgments")
    assert (status, problem["code"]) == (422, "not_enough_data")
    assert problem["errors"][0]["pointer"] == ("clicks" if clicked is None else "propensities")
    assert problem["hint"]


def test_positions_that_count_from_one_are_found_and_change_nothing(api, tmp_path):
    other = type(api)(tmp_path / "other")
    show(api, ["a", "b", "c"], n=12, clicked="b", position=2)
    show(other, ["a", "b", "c"], n=12, clicked="b", position=1)

    _, health = ask(api, "/v1/analytics/retrievers/products/health")
    found = {finding["code"]: finding for finding in health["findings"]}
    finding = found["positions_count_from_one"]
    assert (finding["count"], finding["n"]) == (12, 12)
    assert "from 0" in finding["advice"]
    for path in ("/v1/bias/products", "/v1/analytics/pairs"):
        assert api.get(path).body == other.get(path).body
    other.transport.close()


def test_positions_that_disagree_with_the_list_are_found_and_the_list_counts(api):
    show(api, ["a", "b", "c"], n=12, clicked="b", position=7)

    _, health = ask(api, "/v1/analytics/retrievers/products/health")
    assert "position_mismatch" in {finding["code"] for finding in health["findings"]}
    _, bias = ask(api, "/v1/bias/products")
    assert [row["clicks"] for row in bias["positions"]] == [0, 12, 0]


@pytest.mark.parametrize(
    ("weights", "detail"),
    [
        ({"weights": "cart:-1"}, "the weight of cart is -1"),
        ({"weights": "cart:nan"}, "the weight of cart is nan"),
        ({"weights": "cart:1e400"}, "the weight of cart is inf"),
        ({"source_weights": "clicks:-1"}, "the weight of clicks is -1"),
        ({"source_weights": "votes:nan"}, "the weight of votes is nan"),
        ({"source_weights": "nobody:1"}, "no judgments of 'nobody'"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_an_impossible_weight_is_refused_whatever_the_log_says(api, weights, detail):
    show(api, ["a", "b"], clicked="a")

    status, problem = ask(api, "/v1/exports/judgments", **weights)

    assert (status, problem["code"]) == (400, "invalid_setting")
    assert detail in problem["detail"]
    assert problem["errors"][0]["pointer"].startswith(next(iter(weights)))


@pytest.mark.parametrize("name", ["weights", "source_weights"])
def test_weights_of_what_is_not_weighed_are_refused(api, name):
    show(api, ["a", "b"], clicked="a")

    status, problem = ask(api, "/v1/exports/pairs", **{name: "click:1"})

    assert (status, problem["errors"][0]["pointer"]) == (400, f"/{name}")


@pytest.mark.parametrize(
    "path",
    ["/v1/bias/products", "/v1/analytics/pairs", "/v1/exports/pairs", "/v1/exports/judgments"],
)
def test_a_range_that_is_reversed_is_pointed_at(api, path):
    show(api, ["a", "b"], clicked="a")

    status, problem = ask(api, path, start="2026-11-03T00:00:00Z", end=START)

    assert (status, problem["errors"][0]["pointer"]) == (400, "/end")
    assert problem["detail"] == "the window ends before it starts"


@pytest.mark.parametrize(
    "path", ["/v1/analytics/pairs", "/v1/exports/pairs", "/v1/exports/judgments"]
)
def test_a_range_without_any_time_is_pointed_at(api, path):
    show(api, ["a", "b"], clicked="a")

    status, problem = ask(api, path, start=START, end=START)

    assert (status, problem["errors"][0]["pointer"]) == (400, "/end")


def test_a_range_in_which_nothing_happened_names_what_is_missing(api):
    show(api, ["a", "b"], clicked="a")
    before = {"start": "2025-11-02T00:00:00Z", "end": "2025-11-03T00:00:00Z"}

    assert ask(api, "/v1/bias/products", **before)[1]["lack"] == "impressions"
    yields = ask(api, "/v1/analytics/pairs", **before)[1]["yields"]
    assert {"searches", "clicks"} <= set(yields["missing"])
    assert ask(api, "/v1/exports/judgments", **before)[1]["code"] == "not_enough_data"
