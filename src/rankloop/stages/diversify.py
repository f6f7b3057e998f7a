"""The stage `diversify`: fewer near-duplicates at the head of the list.

Source:
    Carbonell & Goldstein (1998), maximal marginal relevance.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import numpy as np

from rankloop.stages.fusion import to_unit_interval
from rankloop.stages.limits import Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rankloop.indexing.base import DocumentIndex
    from rankloop.stages.base import Candidates, Query

MAX_DIVERSIFIED: Final = 500
"""Most documents that are compared with each other."""

_SMALL_PRODUCT: Final = 1_000_000
"""Multiplications that BLAS does in one thread."""


class DiversifyConfig(msgspec.Struct, frozen=True, kw_only=True, rename={"lambda_": "lambda"}):
    """Settings of `Diversify`."""

    lambda_: Share = 0.7
    """How much relevance counts against being unlike what stands above; 1 changes nothing."""

    field: Annotated[str, msgspec.Meta(max_length=256)] = ""
    """Field of a payload that is alike or not, such as `brand`; by vectors where it is empty."""

    top_k: Annotated[int, msgspec.Meta(ge=1, le=MAX_DIVERSIFIED)] = 50
    """How many documents at the head are re-ordered."""


class Diversify:
    """Choose each next document by λ · relevance - (1 - λ) · likeness to what was chosen.

    Relevance is the score scaled to [0, 1]. Likeness is the cosine of two vectors, at least 0, or
    the share of values that two documents have in common in a field. A document without vector or
    field is like no other. The scores themselves stay at their places in the list, so that later
    stages see the scale they saw before.
    """

    def __init__(self, index: DocumentIndex, config: DiversifyConfig | None = None) -> None:
        self._index = index
        self._config = config or DiversifyConfig()

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return the same documents, the head of the list re-ordered."""
        first = candidates.pinned
        last = min(len(candidates), self._config.top_k)
        if last - first < 2 or self._config.lambda_ >= 1:
            return candidates
        head = candidates.document_ids[:last]
        relevance = to_unit_interval(candidates.scores[first:last])
        order = choose_in_turn(
            relevance, self._compare(head, candidates.payloads), self._config.lambda_
        )
        chosen = tuple(head[first + place] for place in order)
        return replace(
            candidates,
            document_ids=head[:first] + chosen + candidates.document_ids[last:],
        )

    def _compare(
        self, document_ids: Sequence[str], payloads: Mapping[str, Mapping[str, Any]]
    ) -> NDArray[np.float64]:
        """Return `[n, n]` likenesses in [0, 1]."""
        if self._config.field:
            return self._compare_fields(document_ids, payloads)
        vectors = self._index.vectors(document_ids)
        if not vectors:
            return np.zeros((len(document_ids), len(document_ids)))
        none = np.zeros(len(next(iter(vectors.values()))), dtype=np.float32)
        matrix = np.stack([vectors.get(name, none) for name in document_ids])
        likeness: NDArray[np.float64] = np.clip(_multiply(matrix), 0.0, 1.0).astype(np.float64)
        return likeness

    def _compare_fields(
        self, document_ids: Sequence[str], payloads: Mapping[str, Mapping[str, Any]]
    ) -> NDArray[np.float64]:
        """Return `[n, n]` shares of values in common."""
        unknown = [name for name in document_ids if name not in payloads]
        if unknown:
            payloads = {**payloads, **self._index.payloads(unknown)}
        values = [_read_values(payloads.get(name, {}), self._config.field) for name in document_ids]
        known = sorted(frozenset().union(*values))
        column = {value: place for place, value in enumerate(known)}
        has = np.zeros((len(values), len(known)))
        for row, mine in enumerate(values):
            has[row, [column[value] for value in mine]] = 1.0
        shared = has @ has.T
        sizes = has.sum(axis=1)
        joined = sizes[:, None] + sizes[None, :] - shared
        likeness: NDArray[np.float64] = shared / np.maximum(joined, 1.0)
        return likeness


def choose_in_turn(
    relevance: NDArray[np.float64], likeness: NDArray[np.float64], lambda_: float
) -> list[int]:
    """Order documents by maximal marginal relevance; ties keep their order.

    Args:
        relevance: `[n]` in [0, 1], of the documents to order.
        likeness: `[m, m]` in [0, 1], m >= n: the first m - n documents are chosen already.
        lambda_: Share of relevance, in [0, 1].

    Returns:
        Places in `relevance`, best first.

    Example:
        >>> relevance = np.array([1.0, 0.9, 0.5])
        >>> likeness = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> choose_in_turn(relevance, likeness, 0.5)
        [0, 2, 1]
    """
    n_chosen = len(likeness) - len(relevance)
    closest = likeness[:n_chosen].max(axis=0, initial=0.0)[n_chosen:]
    among = likeness[n_chosen:, n_chosen:]
    worth = lambda_ * relevance
    is_left = np.ones(len(relevance), dtype=bool)
    order = []
    for _ in range(len(relevance)):
        values = np.where(is_left, worth - (1 - lambda_) * closest, -np.inf)
        best = int(values.argmax())
        order.append(best)
        is_left[best] = False
        closest = np.maximum(closest, among[best])
    return order


def _multiply(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `[n, n]` products of `[n, dimension]` rows, a few rows at a time.

    Products this small stay in the calling thread. A larger one is split over BLAS's own threads,
    and on busy cores waiting for those took 29 ms where the product takes 0.1.
    """
    n_rows = max(1, _SMALL_PRODUCT // matrix.size)
    turned = np.ascontiguousarray(matrix.T)
    blocks = [matrix[row : row + n_rows] @ turned for row in range(0, len(matrix), n_rows)]
    return np.concatenate(blocks)


def _read_values(payload: Mapping[str, Any], field: str) -> frozenset[str]:
    """Read the values of a field, dotted where it stands within another."""
    value: Any = payload
    for step in field.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return frozenset()
    values = value if isinstance(value, list | tuple) else [value]
    return frozenset(str(one) for one in values)
