"""What measures compare: who should stand where, and who did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Judgments:
    """How relevant documents are; one row a (query, document) pair, in any order.

    Attributes:
        query_key: `[n]` texts.
        document_id: `[n]` texts.
        relevance: `[n]` int64, 0 for not relevant, more for more.

    Raises:
        TableError: Columns differ in length, a relevance is negative, or a pair is judged twice.

    Example:
        >>> len(Judgments(np.array(["q", "q"]), np.array(["a", "b"]), np.array([2, 0])))
        2
    """

    query_key: NDArray[np.str_] | NDArray[np.object_]
    document_id: NDArray[np.str_] | NDArray[np.object_]
    relevance: NDArray[np.int64]

    def __post_init__(self) -> None:
        _check_lengths(self.query_key, self.document_id, self.relevance)
        if self.relevance.size and self.relevance.min() < 0:
            raise TableError("relevance must be 0 or more", where="relevance")
        pairs = set(zip(self.query_key.tolist(), self.document_id.tolist(), strict=True))
        if len(pairs) < self.relevance.size:
            raise TableError("a document is judged twice for one query", where="document_id")

    def __len__(self) -> int:
        """Return the number of judgments."""
        return int(self.relevance.size)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Where one system put documents; one row a (query, document) pair, in any order.

    Attributes:
        query_key: `[n]` texts.
        document_id: `[n]` texts.
        position: `[n]` int64, from 0; a query's positions need not be without gaps.

    Raises:
        TableError: Columns differ in length, a position is negative or taken twice, or a document
            stands twice.
    """

    query_key: NDArray[np.str_] | NDArray[np.object_]
    document_id: NDArray[np.str_] | NDArray[np.object_]
    position: NDArray[np.int64]

    def __post_init__(self) -> None:
        _check_lengths(self.query_key, self.document_id, self.position)
        if self.position.size and self.position.min() < 0:
            raise TableError("position must be 0 or more", where="position")
        queries = self.query_key.tolist()
        for name in ("position", "document_id"):
            if len(set(zip(queries, getattr(self, name).tolist(), strict=True))) < len(queries):
                raise TableError(f"a {name} stands twice in one query", where=name)

    def __len__(self) -> int:
        """Return the number of ranked documents."""
        return int(self.position.size)

    @classmethod
    def from_scores(
        cls,
        query_key: NDArray[np.str_] | NDArray[np.object_],
        document_id: NDArray[np.str_] | NDArray[np.object_],
        score: NDArray[np.float64],
    ) -> Ranking:
        """Order each query's documents by score, best first; ties by document, ascending.

        Raises:
            TableError: Columns differ in length, a score is not a number, or a document stands
                twice.

        Example:
            >>> texts = np.array(["a", "b", "c"])
            >>> Ranking.from_scores(np.array(["q"] * 3), texts, np.array([1.0, 3.0, 2.0])).position
            array([2, 0, 1])
        """
        _check_lengths(query_key, document_id, score)
        if bool(np.isnan(score).any()):
            raise TableError("a score is not a number", where="score")
        order = np.lexsort((document_id.astype(str), -score, query_key.astype(str)))
        queries = query_key.astype(str)[order]
        is_new = np.ones(order.size, dtype=bool)
        is_new[1:] = queries[1:] != queries[:-1]
        starts = np.flatnonzero(is_new)
        place = np.arange(order.size) - starts[np.cumsum(is_new) - 1]
        position = np.empty(order.size, dtype=np.int64)
        position[order] = place
        return cls(query_key, document_id, position)


def _check_lengths(*columns: NDArray[np.generic]) -> None:
    """Refuse columns of different lengths."""
    if len({column.size for column in columns}) > 1:
        lengths = ", ".join(str(column.size) for column in columns)
        raise TableError(f"columns differ in length: {lengths}")
