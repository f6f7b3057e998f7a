"""What rankers saw leaves as a file, with the clicks that followed."""

import csv
import hashlib
import json

import pytest
from pyarrow import parquet

import rankloop
from rankloop.testing.builders import NOON_US, build_interaction, build_search, to_lines
from rankloop.wiring import open_engine

SEEN = '{"names":["score","cosine"],"rows":[[2.5,null],[1.25,0.5]]}'
LATER = '{"names":["score","number.price"],"rows":[[9.0,7.0]]}'


@pytest.fixture
def folder(tmp_path):
    """Make a data folder with three lists, two of which a ranker looked at."""
    engine = open_engine(tmp_path / "data")
    searches = [
        build_search("s1", ["a", "b"], features=SEEN, user=engine.pseudonyms.to_stored("ann")),
        build_search("s2", ["c", "d"], at=NOON_US + 86_400_000_000, features=LATER, page_offset=10),
        build_search("s3", ["a"]),
    ]
    click = build_interaction("i1", "b", search_id="s1")
    engine.store.append_lines(to_lines(searches), to_lines([click]))
    engine.close()
    return tmp_path / "data"


def test_each_result_is_a_row_with_a_column_for_each_feature(folder, tmp_path):
    out = tmp_path / "features.ndjson"
    with rankloop.connect(folder) as loop:
        manifest = loop.exports.download("features", out)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert rows[1] == {
        "search_id": "s1",
        "timestamp": "2026-01-01T12:00:00.000000Z",
        "retriever_id": "products",
        "query_key": rows[0]["query_key"],
        "document_id": "b",
        "position": 1,
        "score": 1.25,
        "cosine": 0.5,
        "number.price": None,
        "clicked": 1,
    }
    assert [(row["document_id"], row["position"], row["clicked"]) for row in rows] == [
        ("a", 0, 0),
        ("b", 1, 1),
        ("c", 10, 0),
    ]
    assert (manifest.rows, manifest.columns) == (3, list(rows[0]))
    assert manifest.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()


def test_parquet_and_csv_hold_the_same(folder, tmp_path):
    with rankloop.connect(folder) as loop:
        loop.exports.download("features", tmp_path / "f.parquet", "parquet")
        loop.exports.download("features", tmp_path / "f.csv", "csv")
    table = parquet.read_table(tmp_path / "f.parquet").to_pylist()
    with (tmp_path / "f.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [row["cosine"] for row in table] == [None, 0.5, None]
    assert [row["cosine"] for row in lines] == ["", "0.5", ""]
    assert list(table[0]) == list(lines[0])


def test_a_window_without_features_is_an_empty_file(folder, tmp_path):
    out = tmp_path / "f.ndjson"
    with rankloop.connect(folder) as loop:
        manifest = loop.exports.download("features", out, start="2027-01-01T00:00:00Z")
    assert (out.read_bytes(), manifest.rows) == (b"", 0)


def test_a_window_begins_and_ends_within_a_day(folder, tmp_path):
    out = tmp_path / "f.ndjson"
    with rankloop.connect(folder) as loop:
        manifest = loop.exports.download(
            "features", out, start="2026-01-01T12:00:01Z", end="2026-01-02T12:00:01Z"
        )
    assert manifest.rows == 1


def test_who_is_erased_takes_the_features_along(folder, tmp_path):
    with rankloop.connect(folder) as loop:
        loop.exports.download("features", tmp_path / "before.ndjson")
        receipt = loop.users.erase(["ann"])
        manifest = loop.exports.download("features", tmp_path / "after.ndjson")
    assert receipt.rows["search_features"] == 1
    assert len(receipt.exports) == 1
    assert manifest.rows == 1
