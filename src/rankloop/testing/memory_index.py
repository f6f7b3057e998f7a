"""An exact index in memory: what a `DocumentIndex` answers, without an engine."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rankloop.errors import InputError
from rankloop.indexing.base import Document, Found
from rankloop.indexing.changes import ChangeLog
from rankloop.indexing.filter_matching import build_matcher
from rankloop.indexing.vectors import to_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rankloop.indexing.filters import Filter

_WORD = re.compile(r"\w+")
_K1: Final = 1.2
_B: Final = 0.75


class MemoryIndex:
    """Every document is looked at in every search: right, and slow beyond some thousands.

    Example:
        >>> index = MemoryIndex()
        >>> index.upsert([Document("d1", "red shoes", None, {}), Document("d2", "hat", None, {})])
        >>> index.search_text("shoes", 10).document_ids
        ('d1',)
    """

    def __init__(self, dimension: int | None = None) -> None:
        self._dimension = dimension
        self._documents: dict[str, Document] = {}
        self._words: dict[str, Counter[str]] = {}
        self.changes = ChangeLog()

    @property
    def dimension(self) -> int | None:
        """Length of the vectors; None where the index holds none."""
        return self._dimension

    def upsert(self, documents: Sequence[Document]) -> None:
        """Add documents, or replace those of the same name."""
        for document in documents:
            self._check(document.vector)
        for document in documents:
            self._documents[document.document_id] = document
            self._words[document.document_id] = Counter(_WORD.findall(document.text.casefold()))
        self.changes.note([document.document_id for document in documents])

    def delete(self, document_ids: Sequence[str]) -> int:
        """Remove documents; say how many there were."""
        names = dict.fromkeys(document_ids)
        gone = [name for name in names if self._documents.pop(name, None) is not None]
        for name in gone:
            del self._words[name]
        self.changes.note(gone)
        return len(gone)

    def count(self, filters: Filter | None = None) -> int:
        """Count documents that satisfy a filter."""
        return len(self._matching(filters))

    def search_text(self, text: str, limit: int, filters: Filter | None = None) -> Found:
        """Find documents by words (BM25), best first."""
        words = set(_WORD.findall(text.casefold()))
        lengths = {name: counts.total() for name, counts in self._words.items()}
        mean = sum(lengths.values()) / max(1, len(lengths))
        scores = {}
        for name in self._matching(filters):
            norm = _K1 * (1 - _B + _B * lengths[name] / max(mean, 1e-9))
            counts = self._words[name]
            score = sum(
                self._rarity(word) * counts[word] * (_K1 + 1) / (counts[word] + norm)
                for word in sorted(words)
                if word in counts
            )
            if score > 0:
                scores[name] = score
        return self._best(scores, limit)

    def search_vector(
        self, vector: NDArray[np.float32], limit: int, filters: Filter | None = None
    ) -> Found:
        """Find documents by closeness of meaning (cosine), best first."""
        self._check(vector)
        wanted = self._unit(vector)
        scores = {
            name: float(self._unit(held) @ wanted)
            for name in self._matching(filters)
            if (held := self._documents[name].vector) is not None
        }
        return self._best(scores, limit)

    def payloads(self, document_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return the fields of those documents that the index holds."""
        return {
            name: self._documents[name].payload for name in document_ids if name in self._documents
        }

    def vectors(self, document_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the unit vectors of those documents that have one."""
        return {
            name: self._unit(held)
            for name in document_ids
            if name in self._documents and (held := self._documents[name].vector) is not None
        }

    def document_ids(self) -> list[str]:
        """Return the names of all documents."""
        return list(self._documents)

    def documents(self, document_ids: Sequence[str]) -> list[Document]:
        """Return those of the named documents that the index holds."""
        held = [self._documents[name] for name in document_ids if name in self._documents]
        vectors = self.vectors(document_ids)
        return [replace(one, vector=vectors.get(one.document_id)) for one in held]

    def flush(self) -> None:
        """Do nothing: memory is all there is."""

    def optimize(self) -> bool:
        """Do nothing: every document is looked at."""
        return False

    def close(self) -> None:
        """Do nothing: there are no files."""

    def _rarity(self, word: str) -> float:
        """Return the inverse document frequency of a word."""
        n_with = sum(word in counts for counts in self._words.values())
        return math.log(1 + (len(self._words) - n_with + 0.5) / (n_with + 0.5))

    def _matching(self, filters: Filter | None) -> list[str]:
        """List the documents that satisfy a filter."""
        if filters is None:
            return list(self._documents)
        is_match = build_matcher(filters)
        return [name for name, one in self._documents.items() if is_match(name, one.payload)]

    def _best(self, scores: Mapping[str, float], limit: int) -> Found:
        """Return the best, ties by document id."""
        order = sorted(scores, key=lambda name: (-scores[name], name))[:limit]
        return Found(
            tuple(order),
            np.array([scores[name] for name in order], dtype=np.float64),
            tuple(self._documents[name].payload for name in order),
        )

    def _check(self, vector: NDArray[np.float32] | None) -> None:
        """Refuse a vector that is none, or has another length."""
        if vector is None:
            return
        if self._dimension is None:
            raise InputError("the index holds no vectors", where="/vector")
        to_unit(vector, self._dimension, "/vector")

    def _unit(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        return to_unit(vector, self._dimension, "/vector")
