"""What an adapter learns from: vectors of queries and documents, and which belong together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from rankloop.errors import TableError
from rankloop.events.queries import normalize_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class AdapterExamples:
    """Queries, the documents that serve them, and documents that do not.

    Attributes:
        queries: `[n_queries, dimension]` float32 of unit length, each query once.
        documents: `[n_documents, dimension]` float32 of unit length: all that a query may find, or
            as many as there is room for.
        query: `[n_pairs]` int64, place in `queries`.
        positive: `[n_pairs]` int64, place in `documents`.
        weight: `[n_pairs]` float64 above 0, what a pair counts for.
        negative_query: `[n_negatives]` int64, place in `queries`.
        negative: `[n_negatives]` int64, place in `documents`: looked at and passed over.

    Raises:
        TableError: Columns differ in length, a place is out of range, or a number is not finite.
    """

    queries: NDArray[np.float32]
    documents: NDArray[np.float32]
    query: NDArray[np.int64]
    positive: NDArray[np.int64]
    weight: NDArray[np.float64]
    negative_query: NDArray[np.int64]
    negative: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.queries.shape[1:] != self.documents.shape[1:]:
            raise TableError(
                f"queries have shape {self.queries.shape}, documents {self.documents.shape}",
                where="documents",
            )
        for name in ("queries", "documents"):
            if not np.isfinite(getattr(self, name)).all():
                raise TableError("a vector holds something that is no finite number", where=name)
        if not self.query.size == self.positive.size == self.weight.size:
            raise TableError("query, positive and weight have one entry a pair", where="query")
        if self.negative_query.size != self.negative.size:
            raise TableError("each negative has a query", where="negative")
        if not (np.isfinite(self.weight).all() and (self.weight > 0).all()):
            raise TableError("weights are above 0", where="weight")
        for name, n_rows in (
            ("query", len(self.queries)),
            ("negative_query", len(self.queries)),
            ("positive", len(self.documents)),
            ("negative", len(self.documents)),
        ):
            _check_places(name, getattr(self, name), n_rows)

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self.queries.shape[1])

    @property
    def asked(self) -> NDArray[np.int64]:
        """Places of the queries that have a positive, ascending."""
        return np.unique(self.query)

    def positives(self) -> csr_array:
        """Return which documents serve which query, `[n_queries, n_documents]` bool."""
        shape = (len(self.queries), len(self.documents))
        ones = np.ones(self.query.size, dtype=bool)
        return csr_array((ones, (self.query, self.positive)), shape=shape)

    def select(self, places: NDArray[np.int64]) -> AdapterExamples:
        """Keep the pairs of some queries; vectors, and so places, stay as they are."""
        is_kept = np.zeros(len(self.queries), dtype=bool)
        is_kept[places] = True
        pairs, negatives = is_kept[self.query], is_kept[self.negative_query]
        return replace(
            self,
            query=self.query[pairs],
            positive=self.positive[pairs],
            weight=self.weight[pairs],
            negative_query=self.negative_query[negatives],
            negative=self.negative[negatives],
        )


def draw_folds(texts: Sequence[str], n_folds: int) -> NDArray[np.int64]:
    """Put each query into a fold by its words; it is always the same, whatever is beside it.

    Args:
        texts: `[n_queries]` what people typed; the same words in another order share a fold.
        n_folds: How many folds, 1 or more.

    Returns:
        `[n_queries]` int64 from 0 to `n_folds - 1`.

    Example:
        >>> draw_folds(["blue shoes", "red hats", "Shoes blue"], 5).tolist()
        [0, 4, 0]
    """
    words = (" ".join(sorted(normalize_query(text).split())) for text in texts)
    digests = (
        hashlib.blake2b(f"fold\x1f{each}".encode(), digest_size=8).digest() for each in words
    )
    return np.array([int.from_bytes(digest) % n_folds for digest in digests], dtype=np.int64)


def _check_places(name: str, places: NDArray[np.int64], n_rows: int) -> None:
    """Refuse places where nothing stands."""
    if places.size and not 0 <= int(places.min()) <= int(places.max()) < n_rows:
        raise TableError(f"places must be from 0 to {n_rows - 1}", where=name)
