"""A judged collection, and people who click by its judgments."""

import gzip
import json
from contextlib import closing

import numpy as np
import pytest

from rankloop.testing.judged_collection import read_collection
from rankloop.testing.judged_traffic import RETRIEVER, JudgedTraffic, JudgedTrafficConfig, upload
from rankloop.wiring import open_engine

TOPICS = ("apple", "bread", "cheese", "dates", "eggs", "figs", "grapes", "honey", "ice", "jam")
KINDS = ("fresh", "dried", "cheap", "old")


@pytest.fixture
def collection(tmp_path):
    """Return ten queries with four documents each, of which the first is relevant."""
    folder = tmp_path / "collection"
    folder.mkdir()
    with gzip.open(folder / "corpus.jsonl.gz", "wt") as file:
        for topic in TOPICS:
            for kind in KINDS:
                row = {"document_id": f"{topic}-{kind}", "title": topic, "text": f"{kind} {topic}"}
                file.write(json.dumps(row) + "\n")
    with (folder / "queries.jsonl").open("w") as file:
        for topic in (*TOPICS, "never judged"):
            file.write(json.dumps({"query_id": topic, "query": topic.upper()}) + "\n")
    rows = "".join(f"{topic}\t{topic}-fresh\t1\n" for topic in TOPICS)
    (folder / "qrels.tsv").write_text("query_id\tdocument_id\trelevance\n" + rows)
    return read_collection(folder)


def test_only_judged_queries_are_read(collection):
    assert collection.queries == TOPICS
    assert collection.relevant[0] == {"apple-fresh": 1}
    assert collection.texts[1] == "apple\ndried apple"


def test_what_people_click_is_mined_and_unseen_queries_stay_unseen(collection, tmp_path):
    traffic = JudgedTraffic(collection, JudgedTrafficConfig(n_searches=1_500))
    with closing(open_engine(tmp_path / "data")) as engine:
        upload(engine.documents, collection)
        traffic.write(engine.documents, tmp_path / "traffic.ndjson")
        assert engine.importer.run([tmp_path / "traffic.ndjson"], "native").rejected == 0
        pairs = engine.learning.pairing.mine(RETRIEVER)

    assert (len(traffic.seen), len(traffic.unseen)) == (7, 3)
    asked = {collection.queries[place] for place in traffic.seen}
    assert {(row.query, row.positive_id) for row in pairs} == {
        (query, f"{query}-fresh") for query in asked
    }


def test_the_oracle_knows_the_judgments_of_seen_queries(collection):
    traffic = JudgedTraffic(collection)
    asked = {collection.queries[place] for place in traffic.seen}
    assert {(row.query, row.positive_id) for row in traffic.oracle_pairs()} == {
        (query, f"{query}-fresh") for query in asked
    }


def test_a_ranking_is_held_to_the_judgments(collection):
    # Each document has an axis of its own; the query of the first topic points at its second
    # document and less at its first: nDCG@10 is 1 / log2(3). That of the second points at its own.
    documents = np.eye(40, dtype=np.float32)
    queries = np.zeros((10, 40), np.float32)
    queries[0, :2] = 0.6, 0.8
    queries[1, 4] = 1.0

    values = collection.measure(queries, documents, [1, 0])

    assert values == pytest.approx([1.0, 1 / np.log2(3)])
