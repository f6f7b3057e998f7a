"""What every index of documents and every embedder promises, and the records they speak in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rankloop.indexing.changes import ChangeLog
    from rankloop.indexing.filters import Filter


@dataclass(frozen=True, slots=True)
class Document:
    """One document as the index keeps it.

    Attributes:
        document_id: Its name, 1 to 512 characters.
        text: What text search reads; empty where it has none.
        vector: `[dimension]` float32; None where it has none.
        payload: Fields that filters read and answers show.
    """

    document_id: str
    text: str
    vector: NDArray[np.float32] | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """Documents with scores, best first, ties by document id.

    Attributes:
        document_ids: The documents.
        scores: `[n]` float64, falling.
        payloads: Fields of each, in the same order.
    """

    document_ids: tuple[str, ...]
    scores: NDArray[np.float64]
    payloads: tuple[Mapping[str, Any], ...]


class DocumentIndex(Protocol):
    """The documents of one retriever, found by text, by vector and by fields."""

    @property
    def changes(self) -> ChangeLog:
        """Which documents were written or removed, for those who keep something of them."""
        ...

    @property
    def dimension(self) -> int | None:
        """Length of the vectors; None where the index holds none."""
        ...

    def upsert(self, documents: Sequence[Document]) -> None:
        """Add documents, or replace those of the same name; of two with one name the last counts.

        What it took survives the death of the process once it returns, that of the machine after
        the next `flush`. All are taken or, where it raises, none.

        Raises:
            InputError: A vector has another length than the index, is zero or not finite, or a
                field holds a number that is not finite.
        """
        ...

    def delete(self, document_ids: Sequence[str]) -> int:
        """Remove documents; say how many there were."""
        ...

    def count(self, filters: Filter | None = None) -> int:
        """Count documents that satisfy a filter."""
        ...

    def search_text(self, text: str, limit: int, filters: Filter | None = None) -> Found:
        """Find documents by words (BM25), best first."""
        ...

    def search_vector(
        self, vector: NDArray[np.float32], limit: int, filters: Filter | None = None
    ) -> Found:
        """Find documents by closeness of meaning (cosine), best first.

        Raises:
            InputError: The vector has another length than the index, or is not finite.
        """
        ...

    def payloads(self, document_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the fields of those documents that the index holds."""
        ...

    def vectors(self, document_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the unit vectors of those documents that have one; quick for 100 of them."""
        ...

    def document_ids(self) -> list[str]:
        """Return the names of all documents."""
        ...

    def documents(self, document_ids: Sequence[str]) -> list[Document]:
        """Return those of the named documents that the index holds, vectors of unit length."""
        ...

    def flush(self) -> None:
        """Write everything to the disk, so that it survives the death of the machine."""
        ...

    def optimize(self) -> bool:
        """Build what makes searching fast; searching and writing go on meanwhile.

        Returns:
            Whether there was something to build.
        """
        ...

    def close(self) -> None:
        """Let go of the files; the second call does nothing."""
        ...


class Embedder(Protocol):
    """Turns text into vectors of meaning."""

    @property
    def model_id(self) -> str:
        """Name of the model; stored with every index that it filled."""
        ...

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors of what people ask.

        Raises:
            UnavailableError: The model or its endpoint does not answer.
        """
        ...

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors of documents.

        Raises:
            UnavailableError: The model or its endpoint does not answer.
        """
        ...
