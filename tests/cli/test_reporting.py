"""`rankloop report` and `rankloop doctor` over a folder and over a server."""

import json

NEEDED = {
    "searches", "impressions", "interactions", "clicked_impressions", "orphan_interactions",
    "duplicate_clicks", "zero_result_searches", "ctr", "ctr_by_position",
    "average_first_click_position",
}  # fmt: skip


def test_a_report_counts_what_was_imported(filled):
    report = filled.read("report", "--retriever", "shop", "--data", "d")
    assert set(report) >= NEEDED
    assert report["searches"] == 2
    assert report["impressions"] == 2
    assert report["interactions"] == 2
    assert report["clicked_impressions"] == 2
    assert report["zero_result_searches"] == 1
    assert report["ctr"]["value"] == 0.5
    assert [row["clicks"] for row in report["ctr_by_position"]] == [1, 1]


def test_a_folder_and_a_server_report_the_same(rankloop, log):
    rankloop.read("import", log, "--format", "native", "--data", "d")
    here = rankloop.read("report", "--data", "d")
    _, url = rankloop.serve("--data", "d")
    assert rankloop.read("report", "--url", url) == here


def test_the_real_command_reports_too(filled):
    done = filled.spawn("report", "--data", "d", "--json")
    assert json.loads(done.stdout)["searches"] == 2
    assert done.stderr == ""


def test_a_retriever_nobody_wrote_to_has_an_empty_report(filled):
    report = filled.read("report", "--retriever", "other", "--data", "d")
    assert report["searches"] == 0
    assert report["ctr"]["value"] is None


def test_people_see_rates_bars_and_lists(filled):
    text = filled("report", "--data", "d").stdout
    assert "Click-through by position" in text
    assert "kettle" in text
    assert "fridge" in text
    assert "50.0%" in text


def test_the_page_is_written_and_nothing_else(filled):
    done = filled("report", "--data", "d", "--html", "report.html")
    assert done.returncode == 0
    page = (filled.cwd / "report.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "kettle" in page


def test_a_page_into_a_folder_that_is_not_there_is_wrong_usage(filled):
    assert filled("report", "--data", "d", "--html", "no/such/report.html").returncode == 2


def test_a_new_folder_has_an_empty_report_and_is_said_to_be_new(rankloop):
    done = rankloop("report", "--data", "typo")
    assert done.returncode == 0
    assert "typo is a new data folder" in done.stderr
    assert "no search is on record" in done.stdout


def test_days_that_make_no_sense_are_wrong_usage(filled):
    done = filled("report", "--data", "d", "--days", "0", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["status"] == 400


def test_the_doctor_answers_with_findings_and_a_verdict(filled):
    done = filled("doctor", "--data", "d", "--json")
    health = json.loads(done.stdout)
    assert done.returncode == (0 if health["is_sound"] else 1)
    assert {finding["severity"] for finding in health["findings"]} <= {"error", "warning", "info"}


def test_the_doctor_tells_people_what_to_do(filled):
    text = filled("doctor", "--data", "d").stdout
    assert "2 searches" in text
