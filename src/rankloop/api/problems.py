"""Problem documents (RFC 9457): the one form of every answer of 400 and above."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec

from rankloop.errors import (
    Fault,
    FaultsError,
    InputError,
    MethodError,
    NotFoundError,
    RangeError,
    RankloopError,
    TooLargeError,
    UnsupportedTypeError,
)

PROBLEMS_AT: Final = "https://docs.example.org/problems/"
"""What a problem's `type` begins with; its code follows."""

PROBLEM_TYPE: Final = "application/problem+json"
"""The content type of a problem document."""

RETRY_AFTER_S: Final = 1
"""What 429 and 503 ask a client to wait, in seconds."""

_RETRYABLE = frozenset({429, 503})
_KINDS: Final = {
    kind.status: kind
    for kind in (
        InputError,
        MethodError,
        NotFoundError,
        RangeError,
        TooLargeError,
        UnsupportedTypeError,
    )
}
"""What a framework's refusal is called, by its status."""


class Problem(msgspec.Struct, frozen=True):
    """A problem document, its fields in the order they are written."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    is_retryable: bool
    hint: str = ""
    errors: list[Fault] = []


class ProblemAnswer(NamedTuple):
    """A problem, ready to be sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def build_problem(error: Exception, *, path: str, request_id: str) -> Problem:
    """Describe an error to the caller.

    An exception that was not raised on purpose becomes a 500 that says nothing from inside.

    Args:
        error: What was raised.
        path: The path of the request, without its query string.
        request_id: The request's id, `req_…`.

    Example:
        >>> from rankloop.errors import EventError
        >>> error = EventError("must be 0 or more", where="/position")
        >>> problem = build_problem(error, path="/v1/searches", request_id="req_1")
        >>> problem.status, problem.code, problem.errors[0].pointer
        (400, 'invalid_event', '/position')
        >>> build_problem(KeyError("inside"), path="/", request_id="req_2").detail
        'Something went wrong on our side'
    """
    if not isinstance(error, RankloopError):
        error = RankloopError(
            RankloopError.title, hint="The server's log has more under this request id."
        )
    faults: list[Fault] = []
    if isinstance(error, FaultsError) and error.faults:
        faults = error.faults
    elif error.where:
        faults = [Fault(error.where, error.code, str(error))]
    return Problem(
        type=PROBLEMS_AT + error.code,
        title=error.title,
        status=error.status,
        detail=str(error),
        instance=f"{quote(path)}#{request_id}",
        code=error.code,
        request_id=request_id,
        is_retryable=error.is_retryable,
        hint=error.hint,
        errors=faults,
    )


def build_status_problem(status: int, detail: str, *, path: str, request_id: str) -> Problem:
    """Describe a refusal that has a status but no class of ours, as a framework's 405.

    Example:
        >>> build_status_problem(405, "", path="/health/live", request_id="req_1").code
        'method_not_allowed'
    """
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return build_problem(Exception(), path=path, request_id=request_id)
    kind = _KINDS.get(status, InputError)
    return Problem(
        type=PROBLEMS_AT + kind.code,
        title=kind.title,
        status=status,
        detail=detail or kind.title,
        instance=f"{quote(path)}#{request_id}",
        code=kind.code,
        request_id=request_id,
        is_retryable=status in _RETRYABLE,
    )


def to_answer(problem: Problem) -> ProblemAnswer:
    """Write a problem down as status, headers and body, for ASGI as well as for Litestar.

    Example:
        >>> from rankloop.errors import UnavailableError
        >>> problem = build_problem(UnavailableError("full"), path="/", request_id="req_1")
        >>> dict(to_answer(problem).headers)[b"retry-after"]
        b'1'
    """
    body = msgspec.json.encode(problem)
    headers = [
        (b"content-type", PROBLEM_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", problem.request_id.encode()),
    ]
    if problem.status in _RETRYABLE:
        headers.append((b"retry-after", str(RETRY_AFTER_S).encode()))
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    return ProblemAnswer(problem.status, headers, body)
