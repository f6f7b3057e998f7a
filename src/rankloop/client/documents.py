"""The documents of a retriever: sent in batches that fit, with one verdict each, and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec

from rankloop.client.batches import BatchAnswer, Kind, plan_many
from rankloop.client.calls import Call, Operation, encode, quote_step, read_json

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from rankloop.client.calling import AsyncCaller, Caller
    from rankloop.client.records import Verdicts

MAX_DOCUMENTS: Final = 1_000
"""Most documents of one request: a model may have to read them all before the answer."""

MAX_DELETED: Final = 10_000
"""Most documents that one request deletes."""


class DocumentFields(TypedDict, total=False):
    """One document; `document_id` must be said, and a text, fields or a vector."""

    document_id: str
    text: str
    fields: dict[str, Any]
    vector: Sequence[float]
    payload: dict[str, Any]


class _DeletionAnswer(msgspec.Struct):
    deleted: int


def plan_upsert(
    retriever_id: str, documents: Iterable[Mapping[str, Any]]
) -> Generator[Operation[BatchAnswer], BatchAnswer, Verdicts]:
    """Ask for one batch after the other and add the verdicts up."""
    path = f"/v1/retrievers/{quote_step(retriever_id)}/documents"
    kind = Kind(path, "document_id", makes_identifiers=False, max_items=MAX_DOCUMENTS)
    return plan_many(kind, map(_to_row, documents))


def plan_delete(
    retriever_id: str, document_ids: str | Iterable[str]
) -> Generator[Operation[_DeletionAnswer], _DeletionAnswer, int]:
    """Ask for one batch after the other and add up how many documents there were."""
    names = [document_ids] if isinstance(document_ids, str) else list(document_ids)
    path = f"/v1/retrievers/{quote_step(retriever_id)}/documents/delete"
    n_deleted = 0
    for begin in range(0, len(names), MAX_DELETED):
        body = encode({"document_ids": names[begin : begin + MAX_DELETED]})
        call = Call("POST", path, body=body)
        answer = yield Operation(call, read_json(_DeletionAnswer))
        n_deleted += answer.deleted
    return n_deleted


class RetrieverDocuments:
    """The documents of one retriever.

    Args:
        caller: What carries the calls.
        retriever_id: Whose documents.
    """

    def __init__(self, caller: Caller, retriever_id: str) -> None:
        self._caller = caller
        self.retriever_id = retriever_id

    def upsert(self, documents: Iterable[Mapping[str, Any]]) -> Verdicts:
        """Add documents, or replace those of the same name, in batches, with one verdict each.

        Args:
            documents: Mappings with the fields of `DocumentFields`; read once, as they are needed.

        Raises:
            PartlySentError: The server went away in the middle; it says what is left.
        """
        return self._caller.follow(plan_upsert(self.retriever_id, documents))

    def delete(self, document_ids: str | Iterable[str]) -> int:
        """Delete documents, one or many; say how many there were."""
        return self._caller.follow(plan_delete(self.retriever_id, document_ids))


class AsyncRetrieverDocuments:
    """The same for asynchronous code; see `RetrieverDocuments`."""

    def __init__(self, caller: AsyncCaller, retriever_id: str) -> None:
        self._caller = caller
        self.retriever_id = retriever_id

    async def upsert(self, documents: Iterable[Mapping[str, Any]]) -> Verdicts:
        """Add documents, or replace those of the same name, with one verdict each."""
        return await self._caller.follow(plan_upsert(self.retriever_id, documents))

    async def delete(self, document_ids: str | Iterable[str]) -> int:
        """Delete documents, one or many; say how many there were."""
        return await self._caller.follow(plan_delete(self.retriever_id, document_ids))


def _to_row(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a document whose vector is a list; an array will do where it comes from."""
    vector = document.get("vector") if isinstance(document, Mapping) else None
    if vector is None or not hasattr(vector, "tolist"):
        return document
    return {**document, "vector": vector.tolist()}
