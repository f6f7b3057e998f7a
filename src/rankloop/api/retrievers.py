"""Retrievers over HTTP: pipelines put into use, listed, restored and removed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from litestar import delete, get, post, put
from msgspec import Meta

from rankloop.api.addresses import Address, opt
from rankloop.api.bodies import decode_body
from rankloop.api.reading import AnyRequest, engine_of, in_thread, read_step
from rankloop.capture.fields import check_retriever
from rankloop.errors import InputError
from rankloop.events.identity import is_identifier
from rankloop.events.refusals import RefusedError
from rankloop.tables.serving import PipelineVersion, PipelineVersions

if TYPE_CHECKING:
    from rankloop.catalog.retrievers import RetrieverVersion

PATH: Final = "/v1/retrievers/{retriever_id:str}"

MAX_VERSION: Final = 2**31 - 1
"""Highest version that a pipeline can have."""


class PipelineBody(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A pipeline, as it is put into use."""

    stages: Annotated[list[dict[str, Any]], Meta(description="Steps in order, each with `type`.")]
    embedder: Annotated[
        dict[str, Any] | None, Meta(description="What makes vectors: `kind`, `model`, and more.")
    ] = None
    signal_weights: Annotated[
        dict[str, float] | None, Meta(description="Weights by type, where not the default.")
    ] = None
    timeout_ms: Annotated[float | None, Meta(description="Time budget of a request.")] = None


class VersionBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which version to restore."""

    version: Annotated[int, Meta(ge=1, le=MAX_VERSION)]


@put(
    PATH,
    opt=opt(Address(scope="admin", answers={200: PipelineVersion}, body=PipelineBody)),
    tags=["retrievers"],
)
async def put_retriever(request: AnyRequest) -> PipelineVersion:
    """Put a pipeline into use, as a new version; at once, and without a restart.

    A pipeline equal to the one in use changes nothing.
    """
    engine = engine_of(request)
    retriever_id = check_name(read_step(request, "retriever_id"))
    configuration = decode_body(await request.body(), dict[str, Any])
    made = await in_thread(engine.serving.configure, retriever_id, configuration)
    return to_view(made)


@get(
    PATH,
    opt=opt(Address(scope="read", answers={200: PipelineVersion}, refusals=(404,))),
    tags=["retrievers"],
)
async def get_retriever(request: AnyRequest) -> PipelineVersion:
    """Return the pipeline in use."""
    return to_view(engine_of(request).serving.find(read_step(request, "retriever_id")))


@get(
    "/v1/retrievers",
    opt=opt(Address(scope="read", answers={200: PipelineVersions})),
    tags=["retrievers"],
)
async def list_retrievers(request: AnyRequest) -> PipelineVersions:
    """List the pipelines in use, by name."""
    return PipelineVersions([to_view(one) for one in engine_of(request).retrievers.in_use()])


@delete(
    PATH,
    status_code=204,
    opt=opt(Address(scope="admin", answers={204: None}, refusals=(404,))),
    tags=["retrievers"],
)
async def delete_retriever(request: AnyRequest) -> None:
    """Take a retriever and its documents out of use; what people did with it stays."""
    await in_thread(engine_of(request).serving.remove, read_step(request, "retriever_id"))


@get(
    f"{PATH}/versions",
    opt=opt(Address(scope="read", answers={200: PipelineVersions}, refusals=(404,))),
    tags=["retrievers"],
)
async def list_versions(request: AnyRequest) -> PipelineVersions:
    """List every version of a pipeline, newest first."""
    versions = engine_of(request).retrievers.versions
    known = await in_thread(versions, read_step(request, "retriever_id"))
    return PipelineVersions([to_view(one) for one in known])


@post(
    f"{PATH}/restore",
    status_code=200,
    opt=opt(
        Address(scope="admin", answers={200: PipelineVersion}, refusals=(404,), body=VersionBody)
    ),
    tags=["retrievers"],
)
async def restore_version(request: AnyRequest) -> PipelineVersion:
    """Put an older version into use again, as a new one."""
    wanted = decode_body(await request.body(), VersionBody)
    restore = engine_of(request).serving.restore
    return to_view(await in_thread(restore, read_step(request, "retriever_id"), wanted.version))


def check_name(retriever_id: str) -> str:
    """Return a retriever's name, if it may have it.

    Raises:
        InputError: It is reserved, too long, or has spaces.
    """
    try:
        check_retriever(retriever_id)
    except RefusedError as refused:
        raise InputError(refused.detail, where="/retriever_id") from refused
    if not is_identifier(retriever_id):
        raise InputError(
            "a retriever's id has 1 to 128 printable characters and no space",
            where="/retriever_id",
        )
    return retriever_id


def to_view(version: RetrieverVersion) -> PipelineVersion:
    """Write a version as it is answered."""
    configuration = version.configuration
    return PipelineVersion(
        retriever_id=version.retriever_id,
        version=version.version,
        pipeline=version.name,
        stages=configuration.get("stages", []),
        embedder=configuration.get("embedder"),
        signal_weights=configuration.get("signal_weights") or {},
        timeout_ms=configuration.get("timeout_ms"),
        created_at=datetime.fromtimestamp(version.created_at / 1e6, UTC),
        restored_from=version.restored_from,
    )


HANDLERS: Final = [
    put_retriever,
    get_retriever,
    list_retrievers,
    delete_retriever,
    list_versions,
    restore_version,
]
"""Every address of this module."""
