"""The documents of a retriever: uploaded with a verdict on each, and deleted."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import msgspec
from litestar import delete, post
from msgspec import Meta

from rankloop.api.addresses import JSON, NDJSON, Address, opt
from rankloop.api.batches import split_batch
from rankloop.api.parameters import read_body
from rankloop.api.reading import AnyRequest, engine_of, in_thread, read_step
from rankloop.errors import InputError, NotFoundError
from rankloop.events.identity import is_identifier
from rankloop.indexing.uploads import MAX_UPLOAD_BYTES, DocumentBody, UploadVerdict

MAX_DELETED: Final = 10_000
"""Most documents that one call deletes."""

RESERVED_ID: Final = "interactions"
"""The id that no retriever has: its addresses are those of interactions."""


class DocumentsDeletion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which documents are to go."""

    document_ids: Annotated[list[str], Meta(description="1 to 10,000 names.")]


class DeletionAnswer(msgspec.Struct, frozen=True):
    """What became of a deletion."""

    deleted: int
    """How many of the documents there were; the others were gone already."""


@post(
    "/v1/retrievers/{retriever_id:str}/documents",
    status_code=202,
    request_max_body_size=MAX_UPLOAD_BYTES,
    opt=opt(
        Address(
            scope="admin",
            answers={202: UploadVerdict},
            refusals=(415, 503),
            body=DocumentBody | list[DocumentBody],
            body_media=(JSON, NDJSON),
        )
    ),
    tags=["retrievers"],
)
async def upsert_documents(request: AnyRequest) -> UploadVerdict:
    """Add documents, or replace those of the same name: one, an array or NDJSON, up to 64 MiB.

    Each item gets a verdict of its own. Of several with one name the last counts, and the places of
    the others are in `duplicates`. What is accepted is on the disk, and found at once.
    """
    retriever_id = read_retriever_id(request)
    batch = split_batch(
        await request.body(), request.scope["headers"], is_always_many=True, most_items=None
    )
    # Threads of their own: while a model reads an upload's texts, questions are still answered.
    upload = engine_of(request).documents.start_upsert(retriever_id, batch.items)
    return await asyncio.wrap_future(upload)


@delete(
    "/v1/retrievers/{retriever_id:str}/documents/{document_id:str}",
    status_code=204,
    opt=opt(Address(scope="admin", answers={204: None}, refusals=(404, 503))),
    tags=["retrievers"],
)
async def delete_document(request: AnyRequest) -> None:
    """Delete one document."""
    retriever_id = read_retriever_id(request)
    document_id = read_step(request, "document_id")
    n_deleted = await in_thread(engine_of(request).documents.delete, retriever_id, [document_id])
    if not n_deleted:
        raise NotFoundError("there is no such document", where="document_id")


@post(
    "/v1/retrievers/{retriever_id:str}/documents/delete",
    status_code=200,
    opt=opt(
        Address(
            scope="admin",
            answers={200: DeletionAnswer},
            refusals=(503,),
            body=DocumentsDeletion,
        )
    ),
    tags=["retrievers"],
)
async def delete_documents(request: AnyRequest) -> DeletionAnswer:
    """Delete many documents; those that are gone already are no error."""
    retriever_id = read_retriever_id(request)
    wanted = read_body(await request.body(), DocumentsDeletion)
    if not 0 < len(wanted.document_ids) <= MAX_DELETED:
        raise InputError(
            f"1 to {MAX_DELETED:,} documents are deleted at a time", where="/document_ids"
        )
    engine = engine_of(request)
    return DeletionAnswer(
        await in_thread(engine.documents.delete, retriever_id, wanted.document_ids)
    )


def read_retriever_id(request: AnyRequest) -> str:
    """Return the retriever out of the path.

    Raises:
        InputError: It is no identifier, or the one that no retriever has.
    """
    retriever_id = read_step(request, "retriever_id")
    if not is_identifier(retriever_id) or retriever_id == RESERVED_ID:
        raise InputError(
            f"no retriever is called {retriever_id!r}",
            where="retriever_id",
            hint="A retriever's id is 1 to 128 printable characters without spaces.",
        )
    return retriever_id


HANDLERS: Final = [upsert_documents, delete_document, delete_documents]
"""Every address of this module."""
