"""The stage `hybrid_search`: documents by words and by meaning, fused into one ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from rankloop.errors import InputError
from rankloop.stages.fusion import add_found, fuse_ranks, fuse_scores, to_candidates
from rankloop.stages.limits import TopK, Weight

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        halves = self._find(query)
        found = halves[0] if len(halves) == 1 else self._fuse(halves)
        return add_found(candidates, found.head(self._config.top_k))

    def notes(self, query: Query, document_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Say where each half found each document, and with which score."""
        notes: dict[str, dict[str, Any]] = {name: {} for name in document_ids}
        for half, found in zip(("text", "vector"), self._find(query), strict=False):
            scores = found.scores.tolist()
            for position, name in enumerate(found.document_ids):
                if name in notes:
                    notes[name][half] = {"position": position, "score": scores[position]}
        return notes

    def _find(self, query: Query) -> list[Candidates]:
        """Find by words and, where the query has a vector, by meaning."""
        top_k = self._config.top_k
        halves = [to_candidates(self._index.search_text(query.text, top_k, query.filters))]
        if query.vector is not None:
            by_meaning = self._index.search_vector(query.vector, top_k, query.filters)
            halves.append(to_candidates(by_meaning))
        return halves

    def _fuse(self, halves: list[Candidates]) -> Candidates:
        """Make one ranking of the two halves."""
        weights = [self._config.weights.text, self._config.weights.vector]
        if self._config.fusion == "rrf":
            return fuse_ranks(halves, weights, self._config.rrf_k)
        return fuse_scores(halves, weights)
