"""Training data through the client, as the mission writes it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

import rankloop
from rankloop.errors import FileError, InputError, NotFoundError

NOW = datetime.now(UTC)


@pytest.fixture
def loop(data_folder):
    """Return a client over three people's clicks, two days and forty days ago."""
    with rankloop.connect(str(data_folder)) as loop:
        loop.interactions.create_many(
            {
                "feature_id": document,
                "interaction_type": ["click"],
                "position": 3,
                "metadata": {"query": "wireless earbuds"},
                "user_id": f"user_{k}",
                "timestamp": (NOW - timedelta(days=days)).isoformat(),
            }
            for document, days in (("new", 2), ("old", 40))
            for k in range(3)
        )
        yield loop


def test_the_call_of_the_mission_works_as_printed(loop):
    analytics = loop.analytics
    training_data = analytics.get_query_document_pairs(
        date_range="last_30_days",
        min_interactions=2,  # Only docs with real engagement
    )
    assert [(row.query, row.positive_id) for row in training_data] == [("wireless earbuds", "new")]
    assert training_data.retriever_id == "default"
    assert training_data.rows[0].evidence == "uncorrected"
    assert training_data.yields.missing == ["searches", "texts"]


@pytest.mark.parametrize(
    "date_range",
    [
        None,
        (NOW - timedelta(days=50), NOW),
        ((NOW - timedelta(days=50)).date(), (NOW + timedelta(days=1)).date()),
        (str(date(2020, 1, 1)), NOW.isoformat()),
        "last_50_days",
    ],
    ids=["everything", "moments", "dates", "texts", "days"],
)
def test_a_range_has_several_forms(loop, date_range):
    assert len(loop.analytics.get_query_document_pairs(date_range)) == 2


@pytest.mark.parametrize(
    "date_range", ["yesterday", "last_0_days", ("2026-01-01",), (NOW, NOW - timedelta(days=1))]
)
def test_a_range_that_is_none_is_refused(loop, date_range):
    with pytest.raises(InputError, match=r"cannot be read|ends before it starts"):
        loop.analytics.get_query_document_pairs(date_range)


def test_pairs_become_tables(loop):
    pairs = loop.analytics.get_query_document_pairs()
    assert pairs.to_arrow().column_names == [
        "query",
        "positive_id",
        "positive",
        "negative_ids",
        "negatives",
        "weight",
        "evidence",
        "retriever_id",
    ]
    assert pairs.to_pandas()["positive_id"].tolist() == ["new", "old"]
    assert pairs.to_dict()["rows"][0]["positive_id"] == "new"
    nothing = loop.analytics.get_query_document_pairs(min_interactions=9)
    assert nothing.to_arrow().num_rows == len(nothing) == 0


def test_several_retrievers_need_a_name(loop):
    loop.interactions.create(feature_id="d", interaction_type="click", retriever_id="blog")
    with pytest.raises(InputError, match="2 retrievers, so one must be named"):
        loop.analytics.get_query_document_pairs()
    assert len(loop.analytics.get_query_document_pairs(retriever_id="default")) == 2


def test_pairs_are_downloaded_with_a_manifest(loop, tmp_path):
    manifest = loop.exports.download("pairs", tmp_path / "pairs.ndjson", min_interactions=3)
    rows = [json.loads(line) for line in (tmp_path / "pairs.ndjson").read_text().splitlines()]
    assert manifest.rows == len(rows) == 2
    assert manifest.yields["uncorrected"] == 2
    assert manifest.versions["query_normalization"] == "1"


def test_judgments_are_brought_in_listed_and_removed(loop, tmp_path):
    row = {"query": "wireless earbuds", "document_id": "new", "relevance": 4}
    assert loop.judgments.put("human", [row]).to_dict() == {
        "source": "human",
        "judgments": 1,
        "queries": 1,
    }
    path = tmp_path / "qrels.txt"
    path.write_text("q1 0 d1 1\n")
    loop.judgments.put("trec", path, "trec")
    assert [each.source for each in loop.judgments.list()] == ["human", "trec"]
    manifest = loop.exports.download("judgments", tmp_path / "judgments.ndjson")
    assert manifest.rows == 2
    assert manifest.weights["source.human"] == 1.0
    loop.judgments.remove("trec")
    assert [each.source for each in loop.judgments.list()] == ["human"]
    with pytest.raises(NotFoundError):
        loop.judgments.remove("trec")


def test_a_file_that_is_not_there_is_named(loop, tmp_path):
    with pytest.raises(FileError, match=r"absent\.txt cannot be read"):
        loop.judgments.put("human", tmp_path / "absent.txt", "trec")


async def use_asynchronously(folder):
    async with rankloop.connect_async(str(folder)) as loop:
        await loop.judgments.put("human", [{"query": "q", "document_id": "d", "relevance": 1}])
        sources = await loop.judgments.list()
        await loop.judgments.remove("human")
        pairs = await loop.analytics.get_query_document_pairs(retriever_id="default")
        return sources, pairs


def test_the_asynchronous_client_mirrors_it(data_folder):
    import asyncio

    sources, pairs = asyncio.run(use_asynchronously(data_folder))
    assert ([each.source for each in sources], len(pairs)) == (["human"], 0)
