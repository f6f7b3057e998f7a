"""The journal keeps what it took, in order, once."""

import subprocess
import sys

import pytest

from rankloop.capture.journal import Journal, JournalConfig
from rankloop.errors import UnavailableError

LINE = b'{"interaction_id":"i1"}\n'


def test_entries_come_back_in_order(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    first = journal.append(b"", 0, LINE, 1)
    second = journal.append(b'{"search_id":"s1"}\n', 1, b"", 0)

    assert [entry.sequence for entry in journal.read(after=0)] == [first, second]
    assert [entry.sequence for entry in journal.read(after=first)] == [second]
    journal.close()


def test_a_sequence_is_never_given_twice(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    first = journal.append(b"", 0, LINE, 1)
    journal.trim(first)
    journal.close()

    again = Journal(tmp_path / "journal.db")
    assert again.append(b"", 0, LINE, 1) > first
    again.close()


def test_a_lost_journal_goes_on_behind_what_the_store_has(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    journal.skip_to(41)

    assert journal.append(b"", 0, LINE, 1) == 42
    journal.close()


def test_a_full_journal_refuses_and_keeps_what_it_took(tmp_path):
    journal = Journal(tmp_path / "journal.db", JournalConfig(max_bytes=2 * len(LINE)))
    last = journal.append(b"", 0, LINE + LINE, 2)
    with pytest.raises(UnavailableError, match="full"):
        journal.append(b"", 0, LINE, 1)

    assert len(journal.read(after=0)) == 1
    assert journal.append(b"", 0, LINE, 1, trim_through=last) == last + 1
    journal.close()


def test_names_are_read_for_a_start_after_a_crash(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    journal.append(b'{"search_id":"s1","page_offset":10}\n{"search_id":"s2"}\n', 2, LINE, 1)
    (names,) = journal.iter_names(after=0)

    assert names.searches == ["s1\x1f10", "s2\x1f0"]
    assert names.interactions == ["i1"]
    journal.close()


def test_commits_are_synchronous(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    journal.close()


def test_what_was_appended_survives_a_killed_process(tmp_path):
    path = tmp_path / "journal.db"
    code = (
        "import os, pathlib, signal, sys\n"
        "from rankloop.capture.journal import Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]))\n"
        "journal.append(b'', 0, b'{}\\n', 1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    process = subprocess.run([sys.executable, "-c", code, str(path)], check=False)

    assert process.returncode == -9
    journal = Journal(path)
    assert len(journal.read(after=0)) == 1
    journal.close()


def test_trimmed_entries_leave_no_trace_in_the_files(tmp_path):
    journal = Journal(tmp_path / "journal.db")
    last = journal.append(b"", 0, b'{"interaction_id":"very-secret"}\n', 1)
    journal.trim(last)
    journal.scrub()

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"very-secret" not in content
    journal.close()
