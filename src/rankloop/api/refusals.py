"""Every refusal of the application as a problem document, the framework's own included."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from litestar import Response
from litestar.exceptions import HTTPException

from rankloop.api.problems import (
    PROBLEM_TYPE,
    Problem,
    build_problem,
    build_status_problem,
    to_answer,
)
from rankloop.errors import RankloopError

if TYPE_CHECKING:
    from rankloop.api.reading import AnyRequest

log = logging.getLogger(__name__)


def answer_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer with a problem document, whatever was raised."""
    problem = _to_problem(request, error)
    answer = to_answer(problem)
    headers = {
        name.decode(): value.decode()
        for name, value in answer.headers
        if name not in (b"content-type", b"content-length")
    }
    if isinstance(error, HTTPException) and error.headers and "allow" in error.headers:
        headers["allow"] = error.headers["allow"]
    return Response(
        answer.body, status_code=answer.status, media_type=PROBLEM_TYPE, headers=headers
    )


def _to_problem(request: AnyRequest, error: Exception) -> Problem:
    """Describe an error; one that was not raised on purpose is logged, here and only here."""
    state = request.scope["state"]
    path, request_id = str(state.get("path", "")), str(state.get("request_id", ""))
    if isinstance(error, HTTPException) and error.status_code < 500:
        detail = error.detail if error.detail != type(error).__name__ else ""
        return build_status_problem(error.status_code, detail, path=path, request_id=request_id)
    if not isinstance(error, RankloopError):
        log.error("request_failed request_id=%s", request_id, exc_info=error)
    elif error.status >= 500:
        log.warning("request_refused code=%s request_id=%s", error.code, request_id)
    return build_problem(error, path=path, request_id=request_id)
