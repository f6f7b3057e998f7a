"""`rankloop retrievers` and `rankloop search`."""

import json

import pytest

PIPELINE = {"stages": [{"type": "text_search", "top_k": 20}]}


@pytest.fixture
def shop(rankloop):
    (rankloop.cwd / "pipeline.json").write_text(json.dumps(PIPELINE))
    documents = [
        {"document_id": "d1", "text": "blue shoes", "payload": {"price": 10}},
        {"document_id": "d2", "text": "red [bold]shoes", "payload": {"price": 90}},
    ]
    (rankloop.cwd / "documents.ndjson").write_text("\n".join(map(json.dumps, documents)))
    rankloop.read("retrievers", "put", "shop", "pipeline.json", "--data", "d")
    rankloop.read("documents", "documents.ndjson", "--retriever", "shop", "--data", "d")
    return rankloop


def test_a_pipeline_is_put_got_listed_restored_and_removed(rankloop, shop):
    assert shop.read("retrievers", "get", "shop", "--data", "d")["stages"] == PIPELINE["stages"]
    (shop.cwd / "other.json").write_text('{"stages": []}')
    assert shop.read("retrievers", "put", "shop", "other.json", "--data", "d")["version"] == 2
    assert shop.read("retrievers", "restore", "shop", "1", "--data", "d")["restored_from"] == 1
    versions = shop.read("retrievers", "list", "shop", "--data", "d")["results"]
    assert [one["version"] for one in versions] == [3, 2, 1]
    assert shop.read("retrievers", "remove", "shop", "--data", "d")["removed"]
    assert shop.read("retrievers", "list", "--data", "d")["results"] == []


def test_what_get_shows_people_is_what_put_takes(shop):
    shown = shop("retrievers", "get", "shop", "--data", "d").stdout
    (shop.cwd / "again.json").write_text(shown)

    assert shop.read("retrievers", "put", "shop", "again.json", "--data", "d")["version"] == 1


def test_a_search_is_ranked_and_shown(shop):
    answer = shop.read("search", "blue shoes", "--retriever", "shop", "--data", "d")
    assert answer["results"][0]["document_id"] == "d1"
    shown = shop("search", "shoes", "--retriever", "shop", "--data", "d", "--explain").stdout
    assert "text_search" in shown
    assert "new → 1" in shown


def test_a_search_is_narrowed_by_filters(shop):
    filters = '{"price": {"$lte": 50}}'
    answer = shop.read(
        "search", "shoes", "--retriever", "shop", "--filters", filters, "--data", "d"
    )
    assert [result["document_id"] for result in answer["results"]] == ["d1"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"stages": [{"type": "txt_search"}]}'])
def test_what_is_no_pipeline_is_wrong_usage(rankloop, text):
    (rankloop.cwd / "bad.json").write_text(text)
    done = rankloop("retrievers", "put", "shop", "bad.json", "--data", "d")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_unknown_retriever_is_a_no(rankloop):
    assert rankloop("search", "shoes", "--retriever", "shop", "--data", "d").returncode == 1
    assert rankloop("retrievers", "get", "shop", "--data", "d").returncode == 1
