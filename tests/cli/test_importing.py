"""`rankloop import`: files into a folder or to a server, with the same answer."""

import gzip
import json

import pytest

from rankloop.cli.importing import read_start
from rankloop.errors import InputError


def test_an_import_says_what_became_of_every_record(rankloop, log):
    verdict = rankloop.read("import", log, "--format", "native", "--data", "d")
    assert (verdict["accepted"], verdict["duplicate"], verdict["rejected"]) == (4, 0, 1)
    assert verdict["reasons"][0]["line"] == 5
    assert verdict["reasons"][0]["pointer"] == "/position"


def test_a_second_import_changes_nothing(rankloop, log):
    rankloop.read("import", log, "--format", "native", "--data", "d")
    verdict = rankloop.read("import", log, "--format", "native", "--data", "d")
    assert (verdict["accepted"], verdict["duplicate"]) == (0, 4)


def test_a_file_taken_in_beside_the_data_is_known_to_the_server(rankloop, log):
    rankloop.read("import", log, "--format", "native", "--data", "d")
    _, url = rankloop.serve("--data", "d")
    verdict = rankloop.read("import", log, "--format", "native", "--url", url)
    assert (verdict["accepted"], verdict["duplicate"], verdict["rejected"]) == (0, 4, 1)


def test_a_file_sent_to_a_server_is_known_beside_the_data(rankloop, log):
    packed = log.with_suffix(".ndjson.gz")
    packed.write_bytes(gzip.compress(log.read_bytes()))
    process, url = rankloop.serve("--data", "d")
    verdict = rankloop.read("import", packed, "--format", "native", "--url", url)
    assert (verdict["accepted"], verdict["rejected"]) == (4, 1)
    assert verdict["reasons"][0]["line"] == 5
    process.terminate()
    process.wait(timeout=60)
    verdict = rankloop.read("import", log, "--format", "native", "--data", "d")
    assert (verdict["accepted"], verdict["duplicate"]) == (0, 4)


def test_people_see_counts_and_the_first_reasons(rankloop, log):
    done = rankloop("import", log, "--format", "native", "--data", "d")
    assert done.returncode == 0
    assert "4  accepted" in done.stdout
    assert "line 5: /position" in done.stdout
    assert done.stderr == ""


def test_a_format_that_needs_translation_is_not_sent(rankloop, log):
    done = rankloop("import", log, "--format", "csv", "--url", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "--data" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (gzip.compress(b'{"query": "a", "results": []}\n' * 999)[:40], ""),
        (b"PAR1\x00\x01", "Parquet"),
    ],
    ids=["empty", "cut archive", "Parquet"],
)
def test_a_file_that_cannot_be_read_is_named(rankloop, tmp_path, content, said):
    bad = tmp_path / "bad.ndjson"
    bad.write_bytes(content)
    done = rankloop("import", bad, "--format", "native", "--data", "d", "--json")
    problem = json.loads(done.stdout)
    assert done.returncode == 2
    assert problem["code"] == "invalid_file"
    assert "bad.ndjson" in problem["detail"]
    assert said in problem["detail"]


def test_an_absent_file_is_named_before_anything_is_imported(rankloop, log):
    done = rankloop("import", log, "absent.ndjson", "--format", "native", "--data", "d")
    assert done.returncode == 2
    assert "absent.ndjson" in done.stderr
    assert not (rankloop.cwd / "d").exists()


def test_an_unknown_format_is_wrong_usage(rankloop, log):
    done = rankloop("import", log, "--format", "excel", "--data", "d")
    assert done.returncode == 2
    assert "native" in done.stderr


def test_a_start_without_a_zone_is_utc():
    assert read_start("2001-01-01").isoformat() == "2001-01-01T00:00:00+00:00"
    assert read_start("2001-01-01T02:00:00+02:00").utcoffset().total_seconds() == 7_200


def test_a_start_that_is_no_moment_is_refused():
    with pytest.raises(InputError, match="yesterday"):
        read_start("yesterday")
