"""Retrievers over HTTP: pipelines put into use, restored, refused with every fault."""

import pytest

BY_TEXT = {"stages": [{"type": "text_search", "top_k": 50}]}
BY_VECTOR = {"stages": [{"type": "vector_search", "top_k": 100}]}
PRODUCTS = "/v1/retrievers/products"


def test_a_pipeline_is_in_use_as_soon_as_it_was_put(api):
    made = api.call("PUT", PRODUCTS, BY_TEXT)

    assert made.status == 200
    assert (made.json()["version"], made.json()["pipeline"]) == (1, "products@1")
    assert api.get(PRODUCTS).json() == made.json()


def test_every_change_is_a_version_and_an_old_one_can_be_restored(api):
    api.call("PUT", PRODUCTS, BY_TEXT)
    api.call("PUT", PRODUCTS, BY_VECTOR)
    restored = api.call("POST", f"{PRODUCTS}/restore", {"version": 1}).json()

    assert (restored["version"], restored["restored_from"]) == (3, 1)
    assert restored["stages"] == BY_TEXT["stages"]
    versions = api.get(f"{PRODUCTS}/versions").json()["results"]
    assert [one["version"] for one in versions] == [3, 2, 1]


def test_putting_the_same_pipeline_again_makes_no_version(api):
    api.call("PUT", PRODUCTS, BY_TEXT)

    assert api.call("PUT", PRODUCTS, BY_TEXT).json()["version"] == 1


def test_the_pipelines_in_use_are_listed_by_name(api):
    for name in ("products", "articles"):
        api.call("PUT", f"/v1/retrievers/{name}", BY_TEXT)

    listed = api.get("/v1/retrievers").json()["results"]

    assert [one["retriever_id"] for one in listed] == ["articles", "products"]


def test_a_removed_retriever_is_gone_and_what_people_did_stays(api):
    api.call("PUT", PRODUCTS, BY_TEXT)
    api.fill([{"feature_id": "d1", "interaction_type": "click", "retriever_id": "products"}])

    assert api.call("DELETE", PRODUCTS).status == 204
    assert api.get(PRODUCTS).status == 404
    assert api.call("DELETE", PRODUCTS).status == 404
    rows = api.get("/v1/retrievers/interactions", retriever_id="products").json()["results"]
    assert [row["feature_id"] for row in rows] == ["d1"]


def test_every_fault_of_a_pipeline_is_named_with_its_place(api):
    body = {
        "stages": [
            {"type": "txt_search"},
            {"type": "text_search", "top_k": 0},
            {"type": "text_search", "topk": 5},
        ],
        "embed": {},
    }
    answer = api.call("PUT", PRODUCTS, body)

    assert answer.status == 400
    assert answer.json()["code"] == "invalid_pipeline"
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert pointers == {"/stages/0/type", "/stages/1/top_k", "/stages/2/topk", "/embed"}
    assert api.get(PRODUCTS).status == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"stages": {}}', b"\xff"])
def test_what_is_no_pipeline_is_refused(api, body):
    answer = api.call("PUT", PRODUCTS, body)

    assert answer.status == 400
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("name", ["two%20words", "a" * 129])
def test_a_name_that_no_event_could_carry_is_refused(api, name):
    assert api.call("PUT", f"/v1/retrievers/{name}", BY_TEXT).status == 400


@pytest.mark.parametrize("version", [0, 2, "one"])
def test_only_a_version_that_was_can_be_restored(api, version):
    api.call("PUT", PRODUCTS, BY_TEXT)

    answer = api.call("POST", f"{PRODUCTS}/restore", {"version": version})

    assert answer.status == (404 if version == 2 else 400)
    assert answer.json()["errors"][0]["pointer"] == "/version"


def test_a_retriever_survives_a_restart(api, tmp_path):
    api.call("PUT", PRODUCTS, BY_TEXT)
    api.transport.close()
    again = type(api)(tmp_path / "data")

    assert again.get(PRODUCTS).json()["stages"] == BY_TEXT["stages"]
    again.transport.close()


def test_a_version_that_cannot_be_is_refused(api):
    api.call("PUT", PRODUCTS, BY_TEXT)
    answer = api.call("POST", f"{PRODUCTS}/restore", {"version": 10**30})

    assert answer.status == 400
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/version"]


@pytest.mark.parametrize("url", ["http://[::1", "http://models:99999999/v1", "http://"])
def test_an_embedder_at_no_address_is_refused(api, url):
    embedder = {"kind": "openai", "model": "m", "base_url": url}
    answer = api.call("PUT", PRODUCTS, {**BY_TEXT, "embedder": embedder})

    assert answer.status == 400, answer.body
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/embedder/base_url"]


@pytest.mark.parametrize("url", ["http://[::1", "http://engine:99999999/", "ftp://engine/"])
def test_an_engine_at_no_address_is_refused(api, url):
    answer = api.call("PUT", PRODUCTS, {"stages": [{"type": "external", "url": url}]})

    assert [one["pointer"] for one in answer.json()["errors"]] == ["/stages/0/url"]
