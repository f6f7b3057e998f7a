"""What commands say: documents, notes, one line when something fails."""

import io
import json

import pytest

from rankloop.cli.output import NO, UNAVAILABLE, USAGE, Output, report_failure, to_status
from rankloop.errors import (
    FolderInUseError,
    InputError,
    NotEnoughDataError,
    NotFoundError,
    SettingsError,
    UnavailableError,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("x"), USAGE),
        (SettingsError("x"), USAGE),
        (NotFoundError("x"), NO),
        (NotEnoughDataError("x"), NO),
        (UnavailableError("x"), UNAVAILABLE),
        (FolderInUseError("x"), UNAVAILABLE),
        (ZeroDivisionError("x"), UNAVAILABLE),
    ],
)
def test_every_error_has_an_exit_status(error, status):
    assert to_status(error) == status


def test_a_failure_is_a_line_and_a_hint_without_a_traceback(capsys):
    report_failure(InputError("position is -1", hint="Count from 0."), "import", is_json=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["rankloop: position is -1", "  Count from 0."]


def test_a_failure_is_a_problem_document_for_a_program(capsys):
    report_failure(NotFoundError("no such key", where="/key_id"), "keys revoke", is_json=True)
    problem = json.loads(capsys.readouterr().out)
    assert problem["code"] == "not_found"
    assert problem["status"] == 404
    assert problem["detail"] == "no such key"
    assert problem["instance"].startswith("rankloop%20keys%20revoke#req_")


def test_our_own_fault_names_its_kind_and_no_place_inside(capsys):
    report_failure(KeyError("inside"), "report", is_json=False)
    err = capsys.readouterr().err
    assert "KeyError" in err
    assert "File " not in err


def test_the_document_goes_out_only_where_a_program_asked(capsysbinary):
    Output(is_json=False).document({"a": 1})
    assert capsysbinary.readouterr().out == b""
    Output(is_json=True).document({"a": 1})
    assert json.loads(capsysbinary.readouterr().out) == {"a": 1}


def test_people_are_told_on_standard_error_while_a_program_reads(capsys):
    Output(is_json=True).say("hello")
    Output(is_json=False).say("world")
    out, err = capsys.readouterr()
    assert (out, err) == ("world\n", "hello\n")


def test_there_is_no_bar_in_a_pipe(monkeypatch):
    pipe = io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    with Output().progress("work", 10) as tick:
        tick(5)
    assert pipe.getvalue() == ""
