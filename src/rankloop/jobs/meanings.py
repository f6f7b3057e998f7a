"""Meanings: what a retriever's index says of the documents and queries of a log."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from rankloop.errors import RankloopError
from rankloop.training.knowledge import number_documents
from rankloop.training.likeness import compare_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.indexing.library import Library
    from rankloop.indexing.retriever_index import RetrieverIndex
    from rankloop.jobs.learning_log import LearningLog

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Meanings:
    """What guards go by beside clicks; what is left out guards nothing. See `Knowledge`.

    Attributes:
        document_vectors: `[n_documents, n_dimensions]` float32; NaN where there is none.
        document_groups: `[n_documents]` int64, equal where documents are variants of one thing.
        query_vectors: `[n_queries, n_dimensions]` float32; NaN where there is none.
        scores: `[n_pairs]` float64, cosine of query and document; NaN where one has no vector.
        model_id: What made the vectors; None where they were sent, or there are none.
    """

    document_vectors: NDArray[np.float32] | None = None
    document_groups: NDArray[np.int64] | None = None
    query_vectors: NDArray[np.float32] | None = None
    scores: NDArray[np.float64] | None = None
    model_id: str | None = None

    @property
    def guards(self) -> list[str]:
        """Name what is there."""
        names = ("document_vectors", "document_groups", "query_vectors", "scores")
        return [name for name in names if getattr(self, name) is not None]


class MeaningReader:
    """Reads meanings out of the indexes of one installation.

    Args:
        library: The indexes.
        group_field: Field of documents that is equal for variants of one thing; empty for none.
    """

    def __init__(self, library: Library, group_field: str = "") -> None:
        self._library = library
        self._group_field = group_field

    def read(self, learning: LearningLog) -> Meanings:
        """Read what the retriever's index says of a log.

        Only documents of queries with a click are looked up, and only such queries embedded: no
        other can be a negative. Where the embedder does not answer, there are no query vectors.
        """
        if not self._library.holds(learning.retriever_id):
            return Meanings()
        index = self._library.open(learning.retriever_id)
        pairs = learning.cells.pairs
        n_queries = pairs.query_keys.size
        is_asked = np.bincount(pairs.query, learning.people > 0, n_queries) > 0
        document, ids = number_documents(pairs)
        used = np.unique(document[is_asked[pairs.query]])
        names = [str(name) for name in ids[used]]
        groups = self._group(index, names)
        found = index.vectors(names)
        if not found:
            return Meanings(document_groups=_spread(groups, used, ids.size))
        vectors = np.full((ids.size, index.dimension or 0), np.nan, dtype=np.float32)
        for place, name in zip(used.tolist(), names, strict=True):
            if name in found:
                vectors[place] = found[name]
        asked = [
            place
            for place in np.flatnonzero(is_asked).tolist()
            if str(pairs.query_keys[place]) in learning.queries
        ]
        texts = [learning.queries[str(pairs.query_keys[place])] for place in asked]
        embedded = _embed(index, texts)
        queries, scores = None, None
        if embedded is not None:
            queries = np.full((n_queries, vectors.shape[1]), np.nan, dtype=np.float32)
            queries[asked] = embedded
            scores = compare_rows(queries, pairs.query, vectors, document)
        return Meanings(
            vectors, _spread(groups, used, ids.size), queries, scores, model_id=index.model_id
        )

    def _group(self, index: RetrieverIndex, names: Sequence[str]) -> NDArray[np.int64] | None:
        """Number the values of the group field, `[n_names]`; -1 for none, None without a field."""
        if not self._group_field:
            return None
        payloads = index.payloads(names)
        numbers: dict[bytes, int] = {}
        groups = np.full(len(names), -1, dtype=np.int64)
        for place, name in enumerate(names):
            value: Any = payloads.get(name, {}).get(self._group_field)
            if value is not None:
                # As JSON: a list is a value too, and 1 is not "1".
                text = msgspec.json.encode(value, order="sorted")
                groups[place] = numbers.setdefault(text, len(numbers))
        return groups if numbers else None


def _spread(
    groups: NDArray[np.int64] | None, used: NDArray[np.int64], n_documents: int
) -> NDArray[np.int64] | None:
    """Bring groups of some documents into the order of all; -1 for the others."""
    if groups is None:
        return None
    spread = np.full(n_documents, -1, dtype=np.int64)
    spread[used] = groups
    return spread


def _embed(index: RetrieverIndex, texts: Sequence[str]) -> NDArray[np.float32] | None:
    """Return the vectors of queries; None where nothing makes them."""
    if index.embedder is None or not texts:
        return None
    try:
        return index.embedder.embed_queries(texts)
    except RankloopError as error:
        log.warning("queries_not_embedded code=%s", error.code)
        return None
