"""Two rankings made one: by the ranks of the documents, or by their scores on one scale.

Sources:
    Cormack, Clarke & Büttcher (2009), reciprocal rank fusion.
    Bruch, Gai & Ingber (2023), An analysis of fusion functions for hybrid retrieval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rankloop.stages.base import Candidates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rankloop.indexing.base import Found


def to_candidates(found: Found) -> Candidates:
    """Turn what an index found into candidates."""
    payloads = dict(zip(found.document_ids, found.payloads, strict=True))
    return Candidates(found.document_ids, found.scores, payloads)


def add_found(candidates: Candidates, found: Candidates, weight: float = 1.0) -> Candidates:
    """Add what a stage found to what was there: replace nothing, fuse by weighted scores.

    Args:
        candidates: What was there; its pinned head stays.
        found: What was found.
        weight: How much `found` counts, relative to what was there.
    """
    if not len(candidates):
        return found
    if not len(found):
        return candidates
    fused = fuse_scores([candidates, found], [1.0, weight])
    if not candidates.pinned:
        return fused
    head = candidates.document_ids[: candidates.pinned]
    rest = tuple(name for name in fused.document_ids if name not in set(head))
    order = head + rest
    place = {name: index for index, name in enumerate(fused.document_ids)}
    scores = fused.scores[[place[name] for name in order]]
    return Candidates(order, to_falling(scores), fused.payloads, candidates.pinned)


def fuse_ranks(
    rankings: Sequence[Candidates], weights: Sequence[float], rrf_k: float
) -> Candidates:
    """Fuse by reciprocal ranks: a document gets Σ weight / (rrf_k + rank), rank from 1.

    Example:
        >>> text = Candidates(("a", "b"), np.array([9.0, 1.0]))
        >>> meaning = Candidates(("b", "c"), np.array([0.9, 0.8]))
        >>> fuse_ranks([text, meaning], [1, 1], 60).document_ids
        ('b', 'a', 'c')
    """
    parts: list[NDArray[np.float64]] = [
        weight / (rrf_k + np.arange(1, len(ranking) + 1, dtype=np.float64))
        for ranking, weight in zip(rankings, weights, strict=True)
    ]
    return _add_up(rankings, parts)


def fuse_scores(rankings: Sequence[Candidates], weights: Sequence[float]) -> Candidates:
    """Fuse by scores, each ranking scaled to [0, 1] for this query first.

    A document that a ranking did not find gets what its last one got: 0.

    Example:
        >>> text = Candidates(("a", "b"), np.array([9.0, 1.0]))
        >>> meaning = Candidates(("b", "c", "a"), np.array([0.9, 0.6, 0.5]))
        >>> fuse_scores([text, meaning], [0.5, 0.5]).document_ids
        ('a', 'b', 'c')
    """
    parts = [
        weight * to_unit_interval(ranking.scores)
        for ranking, weight in zip(rankings, weights, strict=True)
    ]
    return _add_up(rankings, parts)


def to_unit_interval(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale scores so that the lowest is 0 and the highest 1; equal ones are all 1.

    Example:
        >>> to_unit_interval(np.array([30.0, 20.0, 10.0])).tolist()
        [1.0, 0.5, 0.0]
    """
    if not len(scores):
        return scores
    low, high = float(scores.min()), float(scores.max())
    if high <= low:
        return np.ones(len(scores))
    scaled: NDArray[np.float64] = (scores - low) / (high - low)
    return scaled


def to_falling(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Raise each score to the highest that comes after it, so that scores fall along the list.

    Example:
        >>> to_falling(np.array([1.0, 3.0, 2.0])).tolist()
        [3.0, 3.0, 2.0]
    """
    falling: NDArray[np.float64] = np.maximum.accumulate(scores[::-1])[::-1]
    return falling


def discount_ranks(n_documents: int) -> NDArray[np.float64]:
    """Return `[n_documents]` discounts of ranks, 1 / log2(rank + 1), so 1, 0.63, 0.5."""
    discounts: NDArray[np.float64] = 1 / np.log2(np.arange(2.0, n_documents + 2))
    return discounts


def _add_up(rankings: Sequence[Candidates], parts: Sequence[NDArray[np.float64]]) -> Candidates:
    """Add up what each document got from each ranking; ties by document id."""
    totals: dict[str, float] = {}
    payloads: dict[str, Mapping[str, Any]] = {}
    for ranking, part in zip(rankings, parts, strict=True):
        for document_id, value in zip(ranking.document_ids, part.tolist(), strict=True):
            totals[document_id] = totals.get(document_id, 0.0) + value
        payloads.update(ranking.payloads)
    order = sorted(totals, key=lambda document_id: (-totals[document_id], document_id))
    scores = np.array([totals[document_id] for document_id in order], dtype=np.float64)
    return Candidates(tuple(order), scores, payloads)
