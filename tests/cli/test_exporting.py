"""`rankloop export` and `rankloop erase`."""

import csv
import hashlib
import json


def test_an_export_has_a_manifest_beside_it(filled):
    done = filled("export", "interactions", "--out", "i.ndjson", "--data", "d")
    assert done.returncode == 0
    content = (filled.cwd / "i.ndjson").read_bytes()
    manifest = json.loads((filled.cwd / "i.ndjson.manifest.json").read_text())
    assert manifest["rows"] == len(content.splitlines()) == 2
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_click_log_has_a_row_for_each_document_shown(filled):
    filled.read("export", "click-log", "--format", "csv", "--out", "c.csv", "--data", "d")
    with (filled.cwd / "c.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["document_id"], row["position"]) for row in rows] == [("k1", "0"), ("k2", "1")]


def test_an_export_can_be_narrowed(filled):
    document = filled.read(
        "export", "searches", "--out", "s.ndjson", "--retriever", "other", "--data", "d"
    )
    assert document["rows"] == 0


def test_an_export_into_a_folder_that_is_not_there_is_wrong_usage(filled):
    done = filled("export", "searches", "--out", "no/such/s.ndjson", "--data", "d")
    assert done.returncode == 2


def test_an_unknown_kind_is_wrong_usage_and_the_kinds_are_named(filled):
    done = filled("export", "users", "--out", "u", "--data", "d")
    assert done.returncode == 2
    assert "click-log" in done.stderr


def test_an_erased_user_was_never_seen(rankloop, log):
    rankloop.read("import", log, "--format", "native", "--data", "d")
    receipt = rankloop.read("erase", "--user-id", "ann", "--yes", "--data", "d")
    assert receipt["rows"]["interactions"] == 2
    report = rankloop.read("report", "--data", "d")
    assert (report["searches"], report["interactions"]) == (1, 0)


def test_nothing_is_erased_without_a_yes(filled):
    done = filled("erase", "--user-id", "ann", "--data", "d")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert filled.read("report", "--data", "d")["interactions"] == 2


def test_a_user_must_be_named(filled):
    assert filled("erase", "--yes", "--data", "d").returncode == 2
