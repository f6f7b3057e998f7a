"""Is it alive, is it ready, and what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec
from litestar import Response, get

from rankloop.api.addresses import Address, opt
from rankloop.api.reading import AnyRequest, engine_of, in_thread
from rankloop.errors import RankloopError, UnavailableError

if TYPE_CHECKING:
    from rankloop.wiring import Engine

PROMETHEUS: Final = "text/plain; version=0.0.4"

_COUNTERS: Final = {
    "documents": ("documents", "Documents that the counters of serving know."),
    "people": ("people", "Users and sessions whose history is in memory."),
    "rows": ("rows", "Rows of popularity in memory."),
    "memory_bytes": ("bytes", "About how much memory the counters take."),
    "behind_entries": ("behind", "Journal entries acknowledged and not yet counted."),
}
"""What the counters say of their size, by the end of the metric's name."""


class Liveness(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["live"] = "live"


class Readiness(msgspec.Struct, frozen=True):
    """The process takes events and answers questions."""

    behind: int
    """Journal entries acknowledged and not yet in the store."""
    status: Literal["ready"] = "ready"
    models_not_serving: int = 0
    """Promoted models that cannot be loaded or do not go with the documents; rankings do without
    them, and `GET /v1/models` says why."""


@get("/health/live", opt=opt(Address(scope=None, answers={200: Liveness})), tags=["operation"])
async def report_liveness() -> Liveness:
    """Say that the process answers."""
    return Liveness()


@get(
    "/health/ready",
    opt=opt(Address(scope=None, answers={200: Readiness}, refusals=(503,))),
    tags=["operation"],
)
async def report_readiness(request: AnyRequest) -> Readiness:
    """Say whether events are taken and delivered and the store answers."""
    engine = engine_of(request)
    if engine.delivery.last_failure is not None:
        raise UnavailableError("delivery to the store fails; events are taken and kept")
    await in_thread(_check_store, engine)
    failing = engine.models.failing()
    return Readiness(behind=engine.delivery.behind, models_not_serving=len(failing))


@get(
    "/metrics",
    opt=opt(Address(scope="read", answers={200: bytes}, media=(PROMETHEUS,))),
    tags=["operation"],
)
async def report_metrics(request: AnyRequest) -> Response[str]:
    """Show the counters in the Prometheus text format."""
    engine = engine_of(request)
    behind = engine.metrics.gauge(
        "rankloop_capture_behind_entries", "Journal entries acknowledged and not yet in the store."
    )
    behind.set(engine.delivery.behind)
    failing = engine.metrics.gauge(
        "rankloop_capture_delivery_failing", "1 while the store does not take what is delivered."
    )
    failing.set(engine.delivery.last_failure is not None)
    sizes = engine.counters.sizes()
    for name, (held, help_text) in _COUNTERS.items():
        engine.metrics.gauge(f"rankloop_counters_{name}", help_text).set(sizes[held])
    return Response(engine.metrics.to_text(), media_type=PROMETHEUS)


def _check_store(engine: Engine) -> None:
    """Ask the store something small."""
    try:
        engine.store.delivered_sequence()
    except RankloopError:
        raise
    except Exception as error:
        raise UnavailableError(f"the store does not answer: {type(error).__name__}") from error


HANDLERS: Final = [report_liveness, report_readiness, report_metrics]
"""Every address of this module."""
