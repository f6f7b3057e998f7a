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


def test_pairs_and_judgments_are_exported(filled):
    (filled.cwd / "qrels.txt").write_text("q1 0 d7 2\n")
    kept = filled.read("judgments", "put", "trec", "qrels.txt", "--format", "trec", "--data", "d")
    assert kept == {"source": "trec", "judgments": 1, "queries": 1}
    assert filled.read("judgments", "list", "--data", "d")["results"] == [kept]
    rows = filled.read(
        "export",
        "judgments",
        *("--format", "trec", "--out", "out.txt", "--source-weights", "trec:3", "--data", "d"),
    )["rows"]
    assert len((filled.cwd / "out.txt").read_text().splitlines()) == rows == 1
    document = filled.read(
        "export", "pairs", "--out", "p.ndjson", "--min-interactions", "1", "--data", "d"
    )
    assert document["yields"]["propensities"] == "not_identifiable"
    assert filled.read("judgments", "remove", "trec", "--data", "d") == {"removed": "trec"}


def test_a_format_that_a_kind_has_not_is_wrong_usage(filled):
    done = filled("export", "pairs", "--format", "trec", "--out", "p", "--data", "d")
    assert done.returncode == 2
    assert "pairs do not come as trec" in done.stderr


def test_an_impossible_weight_is_wrong_usage_and_leaves_no_file(filled):
    done = filled(
        *("export", "judgments", "--weights", "purchase:nan", "--out", "j.ndjson", "--data", "d")
    )
    assert done.returncode == 2
    assert "the weight of purchase is nan" in done.stderr
    assert not (filled.cwd / "j.ndjson").exists()


def test_a_number_of_days_below_0_is_wrong_usage(filled):
    done = filled("export", "pairs", "--days", "-3", "--out", "never.ndjson", "--data", "d")
    assert done.returncode == 2
    assert "days" in done.stderr
    assert not (filled.cwd / "never.ndjson").exists()


def test_people_read_what_became_of_the_candidates(filled):
    done = filled(
        *("export", "pairs", "--out", "y.ndjson", "--min-interactions", "9", "--data", "d")
    )
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "0  positives, of 2 pairs clicked" in lines
    assert "-2  clicked by fewer people than asked for" in lines
    assert "0 queries of 1,000." in lines
    assert "Too few to train on." in lines


def test_programs_read_one_document_without_the_prose(filled):
    done = filled("export", "pairs", "--out", "z.ndjson", "--json", "--data", "d")
    assert json.loads(done.stdout)["yields"]["advice"] == "more_data"
