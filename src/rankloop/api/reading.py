"""Reading what was written: every read waits until the store has all that was acknowledged."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote

from litestar import Request

from rankloop.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from rankloop.wiring import Engine

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]

READERS: Final[contextvars.ContextVar[Executor]] = contextvars.ContextVar("readers")
"""The threads that read for the request at hand; set where it comes in."""

WAIT_S: Final = 1.0
"""How long a reader waits for the store, in seconds."""


def engine_of(request: AnyRequest) -> Engine:
    """Return the engine behind a request."""
    engine: Engine = request.app.state.engine
    return engine


def query_of(request: AnyRequest, kind: type[T]) -> T:
    """Return the parameters of a request, which its guard has read."""
    query: T = request.scope["state"]["query"]
    if not isinstance(query, kind):
        raise TypeError(f"this address takes {kind.__name__}")
    return query


def now_of(_request: AnyRequest) -> datetime:
    """Return the moment that `days` counts back from."""
    return datetime.now(UTC)


def read_step(request: AnyRequest, name: str) -> str:
    """Return an identifier out of the path, whatever characters it has."""
    return unquote(str(request.path_params[name]))


async def wait_for_store(engine: Engine, *, allow_stale: bool = False) -> int | None:
    """Wait until the store has everything acknowledged by now.

    Returns:
        None, or how many journal entries the store is behind where stale rows are allowed.

    Raises:
        UnavailableError: The store takes longer than a second.
    """
    if not engine.delivery.behind or await in_thread(engine.delivery.wait, WAIT_S):
        return None
    behind = engine.delivery.behind
    if allow_stale or not behind:
        return behind or None
    raise UnavailableError(
        f"the store is {behind} journal entries behind what was acknowledged",
        hint="Try again, or add allow_stale=true to read what it has.",
    )


async def in_thread(work: Callable[..., T], *arguments: object) -> T:
    """Do something slow without holding up the event loop, nor the threads that capture uses."""
    return await in_executor(READERS.get(), work, *arguments)


async def in_executor(executor: Executor, work: Callable[..., T], *arguments: object) -> T:
    """Do the same in threads of one's own choice."""
    loop = asyncio.get_running_loop()
    context = contextvars.copy_context()
    return await loop.run_in_executor(executor, context.run, work, *arguments)
