"""The stage `hybrid_search`: documents by words and by meaning, fused into one ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from rankloop.errors import InputError
from rankloop.stages.fusion import add_found, fuse_ranks, fuse_scores, to_candidates
from rankloop.stages.limits import TopK, Weight

if TYPE_CHECKING:
    from rankloop.indexing.base import DocumentIndex
    from rankloop.stages.base import Candidates, Query


class HybridWeights(msgspec.Struct, frozen=True, kw_only=True):
    """How much each half counts."""

    text: Weight = 0.5
    """What was found by words."""

    vector: Weight = 0.5
    """What was found by meaning."""

    def __post_init__(self) -> None:
        if self.text + self.vector <= 0:
            raise InputError("one of the two halves must count", where="/text")


class HybridSearchConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `HybridSearch`."""

    top_k: TopK = 100
    """How many documents each half finds, and how many are kept."""

    fusion: Literal["weighted", "rrf"] = "weighted"
    """By scores, each half scaled to [0, 1] for the query, or by reciprocal ranks."""

    rrf_k: Annotated[float, msgspec.Meta(ge=1.0, le=1e4)] = 60.0
    """Added to each rank by `rrf`: the larger, the less the first places stand out."""

    weights: HybridWeights = HybridWeights()
    """How much each half counts."""


class HybridSearch:
    """Find documents by words and by meaning; by words alone where the query has no vector."""

    def __init__(self, index: DocumentIndex, config: HybridSearchConfig | None = None) -> None:
        self._index = index
        self._config = config or HybridSearchConfig()

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return what was found, added to what was there."""
        top_k = self._config.top_k
        by_words = to_candidates(self._index.search_text(query.text, top_k, query.filters))
        if query.vector is None:
            return add_found(candidates, by_words)
        by_meaning = to_candidates(self._index.search_vector(query.vector, top_k, query.filters))
        fused = self._fuse(by_words, by_meaning)
        return add_found(candidates, fused.head(top_k))

    def _fuse(self, by_words: Candidates, by_meaning: Candidates) -> Candidates:
        """Make one ranking of the two halves."""
        halves = [by_words, by_meaning]
        weights = [self._config.weights.text, self._config.weights.vector]
        if self._config.fusion == "rrf":
            return fuse_ranks(halves, weights, self._config.rrf_k)
        return fuse_scores(halves, weights)
