"""One call to the API as data: what is sent, how the answer is read, which error it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from rankloop.errors import ERRORS, InputError, NotFoundError, RankloopError, UnavailableError

T = TypeVar("T")
JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"

ParameterValue = str | int | float | bool | datetime | date | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Call:
    """One request, before it is sent."""

    method: str
    path: str
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    """Query parameters; None is left out, a sequence is repeated."""
    body: bytes = b""
    content_type: str = JSON
    accept: str = JSON
    is_repeatable: bool = True
    """Whether sending it again after a lost answer changes nothing."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """A call, and how its answer becomes a value: the same for the sync and the async client."""

    call: Call
    read: Callable[[Answer], T]


class _Fault(msgspec.Struct):
    """One entry of a problem's `errors`."""

    pointer: str = ""


class _Problem(msgspec.Struct):
    """The parts of a problem document that a client uses."""

    code: str = ""
    detail: str = ""
    request_id: str = ""
    hint: str = ""
    errors: list[_Fault] = []


def to_pairs(parameters: Mapping[str, ParameterValue]) -> list[tuple[str, str]]:
    """Write query parameters as names and texts.

    Example:
        >>> to_pairs({"interaction_type": ["click", "view"], "days": 7, "end": None})
        [('interaction_type', 'click'), ('interaction_type', 'view'), ('days', '7')]
    """
    pairs: list[tuple[str, str]] = []
    for name, value in parameters.items():
        if value is None:
            continue
        many = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
        pairs.extend((name, _to_text(one)) for one in many)
    return pairs


def to_error(answer: Answer) -> RankloopError:
    """Build the error that an answer of 400 or above means.

    The class is looked up by the problem's `code`, so a caller catches what the server raised.

    Example:
        >>> body = b'{"code": "not_found", "detail": "no such user", "request_id": "req_1"}'
        >>> to_error(Answer(404, {}, body))
        NotFoundError('no such user (request req_1)')
    """
    try:
        problem = msgspec.json.decode(answer.body, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem(detail=f"the server answered {answer.status} without saying why")
    kind = ERRORS.get(problem.code) or _class_of(answer.status)
    request_id = problem.request_id or answer.headers.get("x-request-id", "")
    message = problem.detail or kind.title
    if request_id:
        message += f" (request {request_id})"
    where = problem.errors[0].pointer if problem.errors else ""
    return kind(message, where=where, hint=problem.hint)


def read_json(kind: type[T]) -> Callable[[Answer], T]:
    """Return a reader of JSON bodies of one shape; fields it does not know are skipped."""
    decoder = msgspec.json.Decoder(kind)

    def read(answer: Answer) -> T:
        try:
            return decoder.decode(answer.body)
        except msgspec.DecodeError as error:
            raise UnavailableError(
                f"the answer is not what this client expects: {error}",
                hint="Is the address that of a Rankloop server of this version?",
            ) from error

    return read


def quote_step(text: str) -> str:
    """Write an identifier as one step of a path, slashes and all.

    Example:
        >>> quote_step("https://shop.example/p/1?x=2")
        'https%3A%2F%2Fshop.example%2Fp%2F1%3Fx%3D2'
    """
    from urllib.parse import quote

    if not text:
        raise InputError("an identifier may not be empty")
    return quote(text, safe="~")


def encode(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON can hold
    """Write a body as JSON; a value that JSON cannot hold is the caller's fault.

    Example:
        >>> encode({"days": 7})
        b'{"days":7}'
    """
    try:
        return msgspec.json.encode(value, enc_hook=_to_plain)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"this cannot be written as JSON: {error}") from error


def _to_plain(value: Any) -> Any:  # noqa: ANN401 whatever rows hold
    """Turn a number or moment of NumPy or pandas into one that JSON knows."""
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _to_text(value: str | float | bool | datetime | date) -> str:
    """Write one value as the API reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def _class_of(status: int) -> type[RankloopError]:
    """Return the error for a status whose body does not say."""
    by_status = {kind.status: kind for kind in reversed(list(ERRORS.values()))}
    by_status |= {400: InputError, 404: NotFoundError, 429: UnavailableError}
    by_status |= {502: UnavailableError, 504: UnavailableError}
    return by_status.get(status, RankloopError if status >= 500 else InputError)
