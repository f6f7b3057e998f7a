"""Judgments in other tools' forms."""

from __future__ import annotations

import gzip

import pytest

from rankloop.dialects.judgments import read_judgments, write_letor, write_qrels, write_workbench
from rankloop.errors import FileError
from rankloop.tables.judgments import Judgment


def judge(query, document_id, score, query_key="k1"):
    """Build a judgment."""
    return Judgment(
        query, query_key, document_id, round(score * 4), score, 0.5, "clicks", 9.0, 2, "products"
    )


def test_a_list_of_the_workbench_is_read():
    rows = read_judgments(
        b'{"name":"x","type":"IMPORT_JUDGMENT","judgmentRatings":[{"query":"tv",'
        b'"ratings":[{"docId":"B1","rating":"3.000"},{"docId":"B2","rating":0}]}]}',
        "srw",
    )
    assert [(row.query, row.document_id, row.rating) for row in rows] == [
        ("tv", "B1", 3.0),
        ("tv", "B2", 0.0),
    ]


def test_real_judgments_of_the_workbench_are_read(shared_data):
    path = shared_data / "ubi" / "esci_us_judgments.json.gz"
    if not path.exists():
        pytest.skip(f"the judgments are absent: {path}")
    rows = read_judgments(gzip.decompress(path.read_bytes()), "srw")
    assert len(rows) > 1_000
    assert {row.rating for row in rows} >= {100.0, 10.0}


def test_qrels_are_read_and_spam_counts_as_irrelevant():
    rows = read_judgments(b"q1 0 d7 2\n\nq1 0 d8 -2\n", "trec")
    assert [(row.document_id, row.rating) for row in rows] == [("d7", 2.0), ("d8", 0.0)]


def test_lines_are_read():
    rows = read_judgments(b'{"query":"tv","document_id":"d1","relevance":0.5}\n', "ndjson")
    assert (rows[0].query, rows[0].rating) == ("tv", 0.5)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"[]", "srw"),
        (b"\xff\xfe", "trec"),
        (b"q1 0 d7\n", "trec"),
        (b"q1 0 d7 high\n", "trec"),
        (b'{"query":"tv"}\n', "ndjson"),
        (b'{"query":"tv","document_id":"d1","relevance":-1}', "ndjson"),
        (b"", "ndjson"),
    ],
    ids=["list", "binary", "three-fields", "word", "no-document", "negative", "empty"],
)
def test_what_is_no_judgment_is_refused(content, form):
    with pytest.raises(FileError):
        read_judgments(content, form)


def test_qrels_name_queries_by_key():
    assert list(write_qrels([judge("tv", "d1", 0.5)])) == ["k1 0 d1 2\n"]


def test_letor_numbers_queries_and_says_who_they_are():
    lines = list(write_letor([judge("tv", "d1", 1.0), judge("pc", "d2", 0.0, "k2")]))
    assert lines == ["4 qid:1 1:2.30259 # k1 d1\n", "0 qid:2 1:2.30259 # k2 d2\n"]


def test_the_workbench_gets_no_query_without_a_text():
    written = write_workbench([judge("tv", "d1", 0.5), judge("", "d2", 0.5)], "products")
    assert [row.document_id for row in read_judgments(written, "srw")] == ["d1"]
