"""The application: every address but those of capture, which are answered in front of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from litestar import Litestar
from litestar.datastructures import State

from rankloop.api import (
    bias,
    captured,
    exports,
    health,
    insights,
    interactions,
    jobs,
    models,
    ranking,
    retriever_documents,
    retrievers,
    training,
    users,
)
from rankloop.api.documents import build_handlers
from rankloop.api.doors import Doors, is_loopback
from rankloop.api.gates import check_body, check_key, read_query
from rankloop.api.reception import Reception
from rankloop.api.refusals import answer_error
from rankloop.events.limits import MAX_BODY_BYTES

if TYPE_CHECKING:
    from rankloop.api.reception import Application
    from rankloop.wiring import Engine

HANDLERS: Final = [
    *captured.HANDLERS,
    *interactions.HANDLERS,
    *users.HANDLERS,
    *exports.HANDLERS,
    *insights.HANDLERS,
    *training.HANDLERS,
    *bias.HANDLERS,
    *models.HANDLERS,
    *retrievers.HANDLERS,
    *retriever_documents.HANDLERS,
    *ranking.HANDLERS,
    *jobs.HANDLERS,
    *health.HANDLERS,
]
"""Every address, in one visible place."""


def build_app(engine: Engine, doors: Doors | None = None) -> Reception:
    """Build the application on an engine.

    Args:
        engine: Every part of the installation.
        doors: Who may come in; by the server's settings when left out.

    Returns:
        An ASGI application.
    """
    server = engine.settings.server
    doors = doors or Doors(
        engine.keys,
        is_local=is_loopback(server.host),
        cors_origins=frozenset(server.cors_origins),
    )
    state = State({"engine": engine, "doors": doors})
    # The framework's own types of ASGI messages are narrower than the specification's.
    application = cast("Application", build_litestar(state, server.max_body_bytes))
    return Reception(application, doors, engine.metrics)


def build_litestar(state: State, max_body_bytes: int = MAX_BODY_BYTES) -> Litestar:
    """Build the framework's application on the engine and the doors in its state."""
    return Litestar(
        route_handlers=[*HANDLERS, *build_handlers(HANDLERS)],
        state=state,
        guards=[check_key, check_body, read_query],
        exception_handlers={Exception: answer_error},
        openapi_config=None,
        request_max_body_size=max_body_bytes,
        logging_config=None,
        debug=False,
    )
