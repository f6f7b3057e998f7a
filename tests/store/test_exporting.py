import csv
import json

import duckdb
import pytest

from rankloop.errors import InputError, UnavailableError
from rankloop.store.duckdb import DuckDBStore
from rankloop.testing.builders import build_interaction, build_search, to_lines


@pytest.fixture
def store():
    opened = DuckDBStore()
    rows = [
        build_interaction(
            f"i{n}", metadata='{"note":"a \\"quoted\\", comma"}', retriever_id=f"r{n % 2}"
        )
        for n in range(4)
    ]
    search = build_search("s1", ["d1"], filters='{"color":"red"}', tags='["new"]')
    opened.append_lines(to_lines([search]), to_lines(rows))
    yield opened
    opened.close()


def test_json_stands_as_what_it_is_in_ndjson(store, tmp_path):
    store.copy_to("export_searches", None, tmp_path / "out", "ndjson")
    row = json.loads((tmp_path / "out").read_text("utf-8"))
    assert row["filters"] == {"color": "red"}
    assert row["tags"] == ["new"]
    assert row["results"][0]["document_id"] == "d1"


def test_lists_stand_as_json_in_csv(store, tmp_path):
    store.copy_to("export_interactions", {"retriever_id": "r1"}, tmp_path / "out", "csv")
    with (tmp_path / "out").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [json.loads(row["interaction_type"]) for row in rows] == [["click"], ["click"]]
    assert json.loads(rows[0]["metadata"]) == {"note": 'a "quoted", comma'}


def test_an_empty_answer_makes_a_file_all_the_same(store, tmp_path):
    for form in ("ndjson", "csv", "parquet"):
        copied = store.copy_to(
            "export_interactions", {"retriever_id": "none"}, tmp_path / form, form
        )
        assert copied.n_rows == 0
        assert (tmp_path / form).exists()


def test_a_path_with_a_quote_is_a_path(store, tmp_path):
    path = tmp_path / "it's; DROP TABLE searches.ndjson"
    assert store.copy_to("export_interactions", None, path, "ndjson").n_rows == 4
    assert path.exists()


def test_an_unknown_format_is_named(store, tmp_path):
    with pytest.raises(InputError, match="'xml'"):
        store.copy_to("export_interactions", None, tmp_path / "out", "xml")


def test_a_folder_that_is_not_there_leaves_no_file(store, tmp_path):
    with pytest.raises(UnavailableError):
        store.copy_to("export_interactions", None, tmp_path / "none" / "out", "csv")
    assert not (tmp_path / "none").exists()


def test_a_failed_export_leaves_the_former_file(store, tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    store.copy_to("export_interactions", None, path, "csv")
    before = path.read_bytes()
    monkeypatch.setattr("rankloop.store.exporting._shape", lambda *_: "no_such_column")
    with pytest.raises(duckdb.Error):
        store.copy_to("export_interactions", None, path, "csv")
    assert path.read_bytes() == before
