"""Rankings over HTTP: found, ranked anew, recorded, and refused where they cannot be."""

import pytest

PRODUCTS = "/v1/retrievers/products"
SHOES = [
    {"document_id": "d1", "text": "blue running shoes", "payload": {"brand": "a", "price": 40}},
    {"document_id": "d2", "text": "blue shoes", "payload": {"brand": "b", "price": 80}},
    {"document_id": "d3", "text": "red shoes", "payload": {"brand": "a", "price": 20}},
    {"document_id": "d4", "text": "green hat", "payload": {"brand": "b", "price": 10}},
]


@pytest.fixture
def shop(api):
    api.call("PUT", PRODUCTS, {"stages": [{"type": "text_search", "top_k": 100}]})
    answer = api.call("POST", f"{PRODUCTS}/documents", SHOES)
    assert answer.status == 202, answer.body
    return api


def execute(api, **fields):
    return api.call("POST", f"{PRODUCTS}/execute", {"query": "shoes", **fields})


def found(answer):
    assert answer.status == 200, answer.body
    return [result["document_id"] for result in answer.json()["results"]]


def test_documents_are_found_and_answered_with_their_fields(shop):
    answer = execute(shop, query="green hat").json()

    assert [result["document_id"] for result in answer["results"]] == ["d4"]
    assert answer["results"][0]["payload"]["brand"] == "b"
    assert (answer["results"][0]["position"], answer["total"]) == (0, 1)
    assert (answer["pipeline"], answer["skipped_stages"]) == ("products@1", [])
    assert answer["took_ms"] > 0


def test_a_ranking_is_recorded_as_a_search(shop):
    answer = execute(shop, user_id="user_1", session_id="s1", device="mobile").json()
    rows = shop.get("/v1/users/user_1/export").json()["searches"]

    assert [row["search_id"] for row in rows] == [answer["search_id"]]
    assert rows[0]["query"] == "shoes"
    assert [one["document_id"] for one in rows[0]["results"]] == found(execute(shop))


def test_a_click_on_a_ranking_counts_in_its_rates(shop):
    answer = execute(shop).json()
    click = {"search_id": answer["search_id"], "feature_id": "d3", "interaction_type": "click"}
    shop.fill([click])
    overview = shop.get("/v1/analytics/retrievers/products/signals").json()["overview"]

    assert (overview["searches"], overview["clicked_searches"]) == (1, 1)


def test_pages_of_one_search_share_its_name_and_count_on(shop):
    first = execute(shop, limit=2).json()
    second = execute(shop, limit=2, offset=2, search_id=first["search_id"]).json()

    assert second["search_id"] == first["search_id"]
    assert [result["position"] for result in first["results"] + second["results"]] == [0, 1, 2]
    together = [result["document_id"] for result in first["results"] + second["results"]]
    assert together == found(execute(shop, limit=10))


def test_the_same_search_sent_again_is_recorded_once(shop):
    for _ in range(3):
        execute(shop, search_id="q1", user_id="user_1")

    assert len(shop.get("/v1/users/user_1/export").json()["searches"]) == 1


def test_filters_hold_for_every_result(shop):
    assert found(execute(shop, filters={"brand": "a"})) != []
    assert set(found(execute(shop, filters={"price": {"$lte": 40}}))) == {"d1", "d3"}
    assert "d3" not in found(execute(shop, filters={"document_id": {"$nin": ["d3"]}}))


def test_a_filter_on_a_field_that_no_document_has_finds_nothing(shop):
    assert found(execute(shop, filters={"colour": "blue"})) == []


def test_what_was_seen_before_makes_no_other_need(shop):
    execute(shop, user_id="user_1", filters={"document_id": {"$nin": ["d1"]}})
    execute(shop, user_id="user_1")
    rows = shop.get("/v1/users/user_1/export").json()["searches"]

    assert len({row.get("query_key", row["query"]) for row in rows}) == 1
    assert all(not row.get("filters") for row in rows)


def test_a_vector_search_without_vectors_searches_by_words_and_says_so(shop):
    shop.call("PUT", PRODUCTS, {"stages": [{"type": "vector_search", "top_k": 100}]})
    answer = execute(shop, query="green hat")

    assert found(answer) == ["d4"]
    assert answer.json()["skipped_stages"] == ["vector_search"]
    assert answer.json()["skipped"][0]["reason"] == "no_vector"


def test_explain_says_what_each_stage_did(shop):
    answer = execute(shop, query="green hat", explain=True).json()
    (move,) = answer["results"][0]["explain"]

    assert (move["stage"], move["position_before"], move["position_after"]) == (
        "text_search",
        None,
        0,
    )


def test_candidates_come_back_as_the_same_set(shop):
    candidates = [{"document_id": f"x{n}", "score": 10.0 - n} for n in range(5)]
    answer = shop.call("POST", f"{PRODUCTS}/rerank", {"query": "shoes", "candidates": candidates})

    assert sorted(found(answer)) == [f"x{n}" for n in range(5)]
    assert answer.json()["total"] == 5


def test_no_candidates_come_back_as_none(shop):
    answer = shop.call("POST", f"{PRODUCTS}/rerank", {"query": "shoes", "candidates": []})

    assert found(answer) == []


def test_a_retriever_with_documents_alone_ranks_by_words(api):
    api.call("POST", f"{PRODUCTS}/documents", SHOES)

    assert execute(api, query="green hat").json()["pipeline"] == "products@0"


def test_an_unknown_retriever_is_named(api):
    answer = execute(api)

    assert answer.status == 404
    assert "'products'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 10_000_000}, "/limit"),
        ({"offset": -1}, "/offset"),
        ({"query": "x" * 1_000_000}, "/query"),
        ({"query": 7}, "/query"),
        ({"vector": []}, "/vector"),
        ({"vector": [1e300]}, "/vector"),
        ({"filters": {"price": {"$near": 1}}}, "/filters/price/$near"),
        ({"user_id": "two words"}, "/user_id"),
        ({"limits": 3}, "/limits"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_wrong_field_is_named_with_its_place(shop, fields, pointer):
    answer = execute(shop, **fields)

    assert answer.status == 400
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_candidate_that_stands_twice_is_named(shop):
    twice = [{"document_id": "x"}, {"document_id": "x"}]
    answer = shop.call("POST", f"{PRODUCTS}/rerank", {"query": "shoes", "candidates": twice})

    assert answer.status == 400
    assert answer.json()["errors"][0]["pointer"] == "/candidates/1/document_id"


def test_a_change_is_in_use_with_the_next_request(shop):
    execute(shop)
    shop.call("PUT", PRODUCTS, {"stages": [{"type": "text_search", "top_k": 1}]})
    answer = execute(shop).json()

    assert (answer["pipeline"], len(answer["results"])) == ("products@2", 1)


def test_a_vector_of_zeros_is_refused(shop):
    answer = execute(shop, vector=[0.0, 0.0])

    assert answer.status == 400
    assert answer.json()["errors"][0]["pointer"] == "/vector"


def test_what_was_bought_a_moment_ago_is_not_in_the_next_answer(shop):
    stages = [{"type": "text_search"}, {"type": "exclude_interacted", "days": 90}]
    shop.call("PUT", PRODUCTS, {"stages": stages})
    purchase = {"interaction_type": "purchase", "user_id": "ann", "retriever_id": "products"}
    answers = []
    for name in ("d1", "d2", "d3"):
        one = {"feature_id": name, **purchase}
        assert shop.call("POST", "/v1/retrievers/interactions", one).status == 201
        answers.append(set(found(execute(shop, user_id="ann"))))

    assert answers == [{"d2", "d3"}, {"d3"}, set()]
    assert len(found(execute(shop, user_id="bob"))) == 3
