"""The stage `vector_search`: documents by closeness of meaning to the query."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rankloop.stages.fusion import add_found, to_candidates
from rankloop.stages.limits import TopK, Weight

if TYPE_CHECKING:
    from rankloop.indexing.base import DocumentIndex
    from rankloop.stages.base import Candidates, Query


class VectorSearchConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `VectorSearch`."""

    top_k: TopK = 100
    """How many documents it finds."""

    weight: Weight = 1.0
    """How much they count beside documents that an earlier stage found, which count 1."""


class VectorSearch:
    """Find documents by meaning; by words where the query has no vector."""

    def __init__(self, index: DocumentIndex, config: VectorSearchConfig | None = None) -> None:
        self._index = index
        self._config = config or VectorSearchConfig()

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return what was found, added to what was there."""
        top_k = self._config.top_k
        if query.vector is None:
            found = self._index.search_text(query.text, top_k, query.filters)
        else:
            found = self._index.search_vector(query.vector, top_k, query.filters)
        return add_found(candidates, to_candidates(found), self._config.weight)
