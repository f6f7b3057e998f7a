"""Calls: repeated where that is safe, and only there."""

import pytest

from rankloop.client.calling import Caller, NeverSentError, RetryConfig
from rankloop.client.calls import Answer, Call, Operation, to_error, to_pairs
from rankloop.errors import (
    ForbiddenError,
    InputError,
    NotFoundError,
    RankloopError,
    SettingsError,
    UnavailableError,
)

GET = Call("GET", "/")
ONCE = Call("DELETE", "/", is_repeatable=False)
QUICK = RetryConfig(n_attempts=4, first_pause_s=0, max_pause_s=0)


class Scripted:
    """A transport whose answers are given beforehand: statuses, or errors to raise."""

    def __init__(self, *script):
        self.script = list(script)
        self.n_sent = 0

    def send(self, call):
        self.n_sent += 1
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return Answer(step, {"retry-after": "0"}, b"")

    def stream(self, call):
        raise NotImplementedError

    def close(self):
        pass


def run(call, *script):
    transport = Scripted(*script)
    status = Caller(transport, QUICK).run(Operation(call, lambda answer: answer.status))
    return status, transport.n_sent


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("call", [GET, ONCE])
def test_a_refusal_that_says_wait_is_tried_again(call, status):
    assert run(call, status, status, 200) == (200, 3)


def test_patience_ends():
    transport = Scripted(503, 503, 503, 503, 200)

    with pytest.raises(UnavailableError):
        Caller(transport, QUICK).run(Operation(GET, lambda answer: answer))

    assert transport.n_sent == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 500])
def test_any_other_refusal_is_raised_at_once(status):
    transport = Scripted(status, 200)

    with pytest.raises(RankloopError):
        Caller(transport, QUICK).run(Operation(GET, lambda answer: answer))

    assert transport.n_sent == 1


def test_a_lost_answer_is_asked_for_again_where_that_changes_nothing():
    assert run(GET, UnavailableError("lost"), 200) == (200, 2)


def test_a_lost_answer_is_not_asked_for_again_where_it_might_change_something():
    with pytest.raises(UnavailableError, match="lost"):
        run(ONCE, UnavailableError("lost"), 200)


def test_what_never_left_may_be_sent_again():
    assert run(ONCE, NeverSentError("no connection"), 200) == (200, 2)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b'{"code": "forbidden"}', ForbiddenError),
        (404, b'{"code": "not_found"}', NotFoundError),
        (400, b'{"code": "of_a_newer_server"}', InputError),
        (404, b"<html>", NotFoundError),
        (502, b"", UnavailableError),
        (500, b"[]", RankloopError),
        (418, b"", InputError),
    ],
)
def test_the_error_is_the_one_that_the_server_raised(status, body, kind):
    assert type(to_error(Answer(status, {}, body))) is kind


def test_the_error_tells_where_what_to_do_and_which_request():
    body = (
        b'{"code": "invalid_event", "detail": "too low", "request_id": "req_1",'
        b' "hint": "Count from 0.", "errors": [{"pointer": "/position"}]}'
    )

    error = to_error(Answer(400, {}, body))

    assert str(error) == "too low (request req_1)"
    assert (error.where, error.hint) == ("/position", "Count from 0.")


def test_a_body_without_a_word_still_names_the_request():
    error = to_error(Answer(502, {"x-request-id": "req_7"}, b"<html>"))

    assert "req_7" in str(error)


@pytest.mark.parametrize("bad", [{"n_attempts": 0}, {"timeout_s": -1}, {"first_pause_s": -1}])
def test_impossible_patience_is_refused(bad):
    with pytest.raises(SettingsError):
        RetryConfig(**bad)


def test_parameters_are_written_as_the_api_reads_them():
    from datetime import UTC, date, datetime

    assert to_pairs(
        {
            "a": None,
            "b": True,
            "c": ["x", "y"],
            "d": datetime(2026, 1, 1, tzinfo=UTC),
            "e": date(2026, 1, 1),
            "f": 1.5,
        }
    ) == [
        ("b", "true"),
        ("c", "x"),
        ("c", "y"),
        ("d", "2026-01-01T00:00:00+00:00"),
        ("e", "2026-01-01"),
        ("f", "1.5"),
    ]
