"""Problem documents: one form for every refusal."""

import msgspec
import pytest

from rankloop.api.problems import (
    Problem,
    build_problem,
    build_status_problem,
    to_answer,
)
from rankloop.errors import ERRORS, Fault, FaultsError, NotFoundError, UnavailableError

REQUEST = {"path": "/v1/searches", "request_id": "req_1"}


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_of_the_tree_becomes_a_problem_of_its_own(code):
    kind = ERRORS[code]

    problem = build_problem(kind("what is wrong", where="/x", hint="do this"), **REQUEST)

    assert (problem.code, problem.status, problem.title) == (code, kind.status, kind.title)
    assert problem.type.endswith(f"/{code}")
    assert problem.instance == "/v1/searches#req_1"
    assert (problem.detail, problem.hint) == ("what is wrong", "do this")
    assert problem.errors == [Fault("/x", code, "what is wrong")]


def test_an_accident_says_nothing_from_inside():
    problem = build_problem(KeyError("password=hunter2"), **REQUEST)

    assert "hunter2" not in msgspec.json.encode(problem).decode()
    assert (problem.status, problem.code) == (500, "internal")


def test_many_faults_keep_their_own_codes():
    faults = [Fault("/a", "out_of_range", "too low"), Fault("/b", "wrong_type", "not a number")]

    assert build_problem(FaultsError("two faults", faults), **REQUEST).errors == faults


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_input"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (413, "too_large"),
        (415, "unsupported_type"),
        (416, "range_not_satisfiable"),
        (500, "internal"),
        (502, "internal"),
    ],
)
def test_a_status_of_the_framework_has_a_code(status, code):
    assert build_status_problem(status, "", **REQUEST).code == code


def test_the_answer_is_ready_to_be_sent():
    status, headers, body = to_answer(build_problem(NotFoundError("no"), **REQUEST))

    named = dict(headers)
    assert status == 404
    assert named[b"content-type"] == b"application/problem+json"
    assert int(named[b"content-length"]) == len(body)
    assert named[b"x-request-id"] == b"req_1"
    assert b"retry-after" not in named
    assert msgspec.json.decode(body, type=Problem).detail == "no"


def test_whoever_is_to_wait_is_told_how_long():
    answer = to_answer(build_problem(UnavailableError("full"), **REQUEST))

    assert dict(answer.headers)[b"retry-after"] == b"1"


def test_a_missing_key_is_asked_for():
    answer = to_answer(build_problem(ERRORS["unauthenticated"]("no key"), **REQUEST))

    assert dict(answer.headers)[b"www-authenticate"] == b"Bearer"
