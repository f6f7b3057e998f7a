"""Exports: a file, a manifest, and what a broken transfer needs."""

import csv
import hashlib
import json
import os
import time
from datetime import UTC, datetime, timedelta

import pyarrow.parquet
import pytest

from rankloop.errors import NotFoundError
from rankloop.privacy.exports import KEEP, ExportRequest, Exports


@pytest.fixture
def exports(store, derivation, tmp_path):
    return Exports(store, tmp_path / "exports")


@pytest.mark.parametrize(("kind", "rows"), [("interactions", 4), ("searches", 3), ("click-log", 6)])
@pytest.mark.parametrize("form", ["ndjson", "parquet", "csv"])
def test_the_manifest_says_what_is_in_the_file(exports, kind, rows, form):
    manifest, path = exports.make(ExportRequest(kind, form))

    content = path.read_bytes()
    assert manifest.rows == rows
    assert manifest.bytes == len(content)
    assert manifest.sha256 == hashlib.sha256(content).hexdigest()
    assert read(path, form) == (rows, manifest.columns)


def read(path, form):
    """Return how many rows a file has, and its columns."""
    if form == "parquet":
        table = pyarrow.parquet.read_table(path)
        return table.num_rows, table.column_names
    if form == "csv":
        with path.open(newline="") as file:
            head, *rows = csv.reader(file)
        return len(rows), head
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return len(rows), list(rows[0])


def test_lines_have_the_names_and_shapes_of_the_api(exports):
    _, path = exports.make(ExportRequest("searches", "ndjson"))

    first = json.loads(path.read_text().splitlines()[0])

    assert (first["search_id"], first["offset"], first["query"]) == ("s1", 0, "blue shoes")
    assert [result["document_id"] for result in first["results"]] == ["d1", "d2"]
    assert first["timestamp"].endswith("Z")


def test_window_and_retriever_narrow_and_stand_in_the_manifest(exports):
    start = datetime(2026, 9, 23, tzinfo=UTC)
    manifest, _ = exports.make(
        ExportRequest("interactions", "ndjson", retriever_id="products", start=start)
    )

    assert manifest.rows == 1
    assert manifest.window.start == start
    assert manifest.filters == {"retriever_id": "products"}


def test_an_empty_answer_is_an_empty_file(exports):
    manifest, path = exports.make(ExportRequest("interactions", "ndjson", retriever_id="none"))

    assert (manifest.rows, path.read_bytes()) == (0, b"")


def test_the_manifest_is_found_by_its_id(exports):
    manifest, _ = exports.make(ExportRequest("searches", "csv"))

    assert exports.read_manifest(manifest.export_id) == manifest


@pytest.mark.parametrize("export_id", ["nope", "../secret", ""])
def test_an_unknown_export_is_not_found(exports, export_id):
    with pytest.raises(NotFoundError):
        exports.read_manifest(export_id)


def test_a_transfer_is_taken_up_with_the_very_file_it_began_with(exports):
    wanted = ExportRequest("searches", "csv")
    first, second = exports.make(wanted), exports.make(wanted)

    assert exports.find(wanted, first.etag) == first
    assert exports.find(wanted) == second


def test_another_request_does_not_find_it(exports):
    made = exports.make(ExportRequest("searches", "csv"))

    assert exports.find(ExportRequest("searches", "ndjson"), made.etag) is None


def test_the_same_days_asked_for_later_are_the_same_request():
    now = datetime.now(UTC)
    first = ExportRequest("searches", "csv", days=7, start=now - timedelta(days=7))
    second = ExportRequest("searches", "csv", days=7, start=now - timedelta(days=6, hours=23))

    assert first.digest == second.digest


def test_a_file_goes_after_a_day_and_its_manifest_stays(exports):
    old = exports.make(ExportRequest("searches", "csv"))
    before = time.time() - KEEP.total_seconds() - 60
    os.utime(old.path, (before, before))

    exports.make(ExportRequest("interactions", "csv"))

    assert not old.path.exists()
    assert exports.find(ExportRequest("searches", "csv")) is None
    assert exports.read_manifest(old.manifest.export_id) == old.manifest


def test_the_folder_is_for_its_owner_only(exports, tmp_path):
    exports.make(ExportRequest("searches", "csv"))

    assert (tmp_path / "exports").stat().st_mode & 0o077 == 0
