"""Trained models over HTTP: listed, shown, let into service and taken out again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from litestar import get, post
from msgspec import Meta

from rankloop.api.addresses import Address, opt
from rankloop.api.parameters import read_body
from rankloop.api.reading import AnyRequest, engine_of, in_thread, query_of, read_step
from rankloop.errors import RankloopError
from rankloop.tables.fields import Text
from rankloop.tables.manifests import Kind, State
from rankloop.tables.models import Model, ModelDetails, ModelRollback, Models, ModelStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rankloop.catalog.models import ModelRecord, Transition
    from rankloop.tables.manifests import Manifest
    from rankloop.wiring import Engine

PATH: Final = "/v1/models/{model_id:str}"

PROMOTED_BY_HAND: Final = "somebody promoted it"
ROLLED_BACK_BY_HAND: Final = "somebody rolled it back"

Why = Annotated[str, Meta(min_length=1, max_length=1_000, description="The reason, on record.")]


class ModelQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which models."""

    retriever_id: Annotated[Text, Meta(description="Whose.")] | None = None
    kind: Annotated[Kind, Meta(description="What they do.")] | None = None
    state: Annotated[State, Meta(description="How far they have come.")] | None = None


class PromoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to promote a model."""

    force: Annotated[
        bool, Meta(description="Also one that the gate has not let pass; that goes on record.")
    ] = False
    why: Why = PROMOTED_BY_HAND


class RollbackBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to roll a model back."""

    why: Why = ROLLED_BACK_BY_HAND


@get(
    "/v1/models",
    opt=opt(Address(scope="read", answers={200: Models}, query=ModelQuery)),
    tags=["models"],
)
async def list_models(request: AnyRequest) -> Models:
    """List trained models, newest first, and which of them rank."""
    query = query_of(request, ModelQuery)
    return await in_thread(_list, engine_of(request), query)


@get(
    PATH,
    opt=opt(Address(scope="read", answers={200: ModelDetails}, refusals=(404,))),
    tags=["models"],
)
async def get_model(request: AnyRequest) -> ModelDetails:
    """Return all that is known of a model: what it was made of, its measures, its steps."""
    return await in_thread(_describe, engine_of(request), read_step(request, "model_id"))


@post(
    f"{PATH}/promote",
    status_code=200,
    opt=opt(
        Address(scope="admin", answers={200: Model}, refusals=(404, 409, 503), body=PromoteBody)
    ),
    tags=["models"],
)
async def promote_model(request: AnyRequest) -> Model:
    """Let a model rank, in place of the one of its kind that does, without a restart.

    Only what the gate let pass, unless `force` says otherwise. A model that was changed, or does
    not go with the documents, is refused, and what ranks today goes on.
    """
    engine = engine_of(request)
    body = read_body(await request.body(), PromoteBody)

    def promote(model_id: str) -> Model:
        promote_by_hand = engine.promotion.promote_by_hand
        return _to_view(engine, promote_by_hand(model_id, body.why, is_forced=body.force))

    return await in_thread(promote, read_step(request, "model_id"))


@post(
    f"{PATH}/rollback",
    status_code=200,
    opt=opt(
        Address(scope="admin", answers={200: ModelRollback}, refusals=(404, 409), body=RollbackBody)
    ),
    tags=["models"],
)
async def roll_back_model(request: AnyRequest) -> ModelRollback:
    """Take a model out of service, and let the one before it rank again, if there was one."""
    engine = engine_of(request)
    body = read_body(await request.body(), RollbackBody)

    def roll_back(model_id: str) -> ModelRollback:
        earlier = engine.promotion.roll_back(model_id, body.why)
        return ModelRollback(
            rolled_back=_to_view(engine, engine.models.catalog.find(model_id)),
            serving=None if earlier is None else _to_view(engine, earlier),
        )

    return await in_thread(roll_back, read_step(request, "model_id"))


def _list(engine: Engine, query: ModelQuery) -> Models:
    """List models."""
    records = engine.models.catalog.list(query.retriever_id, query.kind, query.state)
    return Models([_to_view(engine, record) for record in records])


def _describe(engine: Engine, model_id: str) -> ModelDetails:
    """Show a model, its steps included."""
    record = engine.models.catalog.find(model_id)
    steps = engine.models.catalog.history(model_id)
    known, manifest = _read(engine, record, steps)
    history = [_to_step(step) for step in steps]
    return ModelDetails(**known, manifest=manifest, history=history)


def _to_view(engine: Engine, record: ModelRecord) -> Model:
    """Show a model."""
    steps = engine.models.catalog.history(record.model_id)
    return Model(**_read(engine, record, steps)[0])


def _read(
    engine: Engine, record: ModelRecord, steps: Sequence[Transition]
) -> tuple[dict[str, Any], Manifest | None]:
    """Gather what is shown of a model."""
    manifest, problem = None, None
    try:
        manifest = engine.models.folders.describe(record.model_id)
    except RankloopError as error:
        problem = str(error)
    is_to_serve = record.state == "promoted"
    # An encoder ranks until the documents are embedded with what comes after it.
    is_serving = (is_to_serve or record.kind == "encoder") and engine.serving.is_serving(
        record.retriever_id, record.model_id
    )
    if is_to_serve and not is_serving:
        failure = engine.models.failure(record.model_id)
        failure = failure or engine.documents.failure(record.retriever_id)
        problem = str(failure) if failure else "the documents are being embedded with it"
    known = {
        "model_id": record.model_id,
        "kind": record.kind,
        "retriever_id": record.retriever_id,
        "state": record.state,
        "created_at": _to_moment(record.created_at),
        "base": manifest.base if manifest else None,
        "is_serving": is_serving,
        "problem": problem,
        "metrics": manifest.metrics if manifest else [],
        "erased_at": [
            _to_moment(step.at) for step in steps if step.decision.decided_by == "erasure"
        ],
    }
    return known, manifest


def _to_step(step: Transition) -> ModelStep:
    """Show a step."""
    known = {
        "at": _to_moment(step.at),
        "state_before": step.state_before,
        "state_after": step.state_after,
        "decided_by": step.decision.decided_by,
        "why": step.decision.why,
        "evidence": dict(step.decision.evidence),
    }
    return msgspec.convert(known, ModelStep)


def _to_moment(at_us: int) -> datetime:
    """Turn microseconds UTC into a moment."""
    return datetime.fromtimestamp(at_us / 1e6, UTC)


HANDLERS: Final = [list_models, get_model, promote_model, roll_back_model]
"""Every address of this module."""
