"""What the stage `model` saw goes through the journal into the store, and out with the clicks."""

import json

import pytest

import rankloop

KETTLES = [
    {"document_id": f"d{n}", "text": f"kettle {n}", "payload": {"color": color, "price": n}}
    for n, color in enumerate(("red", "blue", "blue", "green"))
]


@pytest.fixture(params=["server", "folder"])
def loop(request, serve, data_folder):
    target = serve(data_folder).url if request.param == "server" else data_folder
    with rankloop.connect(target) as loop:
        loop.retriever("products").upsert(KETTLES)
        yield loop


def test_what_a_ranker_would_have_seen_is_exported_with_the_click_that_followed(loop, tmp_path):
    retriever = loop.retriever("products")
    retriever.configure({"stages": [{"type": "text_search"}, {"type": "model"}]})
    answer = retriever.execute("blue kettle", explain=True, limit=3)
    clicked = answer.results[1].document_id
    loop.interactions.create(
        feature_id=clicked, interaction_type=["click"], search_id=answer.search_id
    )

    manifest = loop.exports.download("features", tmp_path / "features.ndjson")

    lines = (tmp_path / "features.ndjson").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert manifest.rows == 3
    assert [row["document_id"] for row in rows] == [one.document_id for one in answer.results]
    assert [row["clicked"] for row in rows] == [0, 1, 0]
    assert {row["search_id"] for row in rows} == {answer.search_id}
    for row, result in zip(rows, answer.results, strict=True):
        assert row["number.price"] == result.payload["price"]
        assert row["match.color"] == (result.payload["color"] == "blue")
        assert row["score"] == pytest.approx(result.score, rel=1e-5)
        step = next(one for one in result.explain if one.stage == "model")
        assert step.notes["features"]["score"] == pytest.approx(result.score, abs=1e-3)


def test_without_the_stage_nothing_is_recorded(loop, tmp_path):
    loop.retriever("products").execute("blue kettle")
    assert loop.exports.download("features", tmp_path / "features.ndjson").rows == 0
