"""The stage `text_search`: documents by the words of the query (BM25)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rankloop.stages.fusion import add_found, to_candidates
from rankloop.stages.limits import TopK, Weight

if TYPE_CHECKING:
    from rankloop.indexing.base import DocumentIndex
    from rankloop.stages.base import Candidates, Query


class TextSearchConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `TextSearch`."""

    top_k: TopK = 100
    """How many documents it finds."""

    weight: Weight = 1.0
    """How much they count beside documents that an earlier stage found, which count 1."""


class TextSearch:
    """Find documents by words."""

    def __init__(self, index: DocumentIndex, config: TextSearchConfig | None = None) -> None:
        self._index = index
        self._config = config or TextSearchConfig()

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return what was found, added to what was there."""
        found = self._index.search_text(query.text, self._config.top_k, query.filters)
        return add_found(candidates, to_candidates(found), self._config.weight)
