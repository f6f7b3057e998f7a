"""Knowledge: what is known of pairs beside their clicks in lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rankloop.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.cells import Pairs


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What guards may go by; what is left out guards nothing.

    Attributes:
        people: `[n_pairs]` int64, distinct people who clicked the pair.
        is_liked: `[n_pairs]` bool, voted up or judged relevant.
        is_disliked: `[n_pairs]` bool, voted down or judged irrelevant.
        is_clicked_elsewhere: `[n_pairs]` bool, clicked outside of the lists that were counted:
            after the window, or by an interaction that belongs to no list.
        query_groups: `[n_queries]` int64, equal where queries mean the same; -1 for no group.
        query_vectors: `[n_queries, n_dimensions]` float; NaN where there is none.
        document_groups: `[n_documents]` int64 by `number_documents`, equal where documents are
            the same thing; -1 for no group.
        document_vectors: `[n_documents, n_dimensions]` float; NaN where there is none.
        scores: `[n_pairs]` float64 that a model gives, higher for better; NaN where it gives none.
    """

    people: NDArray[np.int64]
    is_liked: NDArray[np.bool_] | None = None
    is_disliked: NDArray[np.bool_] | None = None
    is_clicked_elsewhere: NDArray[np.bool_] | None = None
    query_groups: NDArray[np.int64] | None = None
    query_vectors: NDArray[np.floating[Any]] | None = None
    document_groups: NDArray[np.int64] | None = None
    document_vectors: NDArray[np.floating[Any]] | None = None
    scores: NDArray[np.float64] | None = None

    def check_fits(self, pairs: Pairs) -> None:
        """Raise where an array has not as many rows as there are pairs, queries or documents.

        Raises:
            TableError: One has not.
        """
        n_documents = np.unique(pairs.document_ids).size
        sizes = {
            "people": len(pairs),
            "is_liked": len(pairs),
            "is_disliked": len(pairs),
            "is_clicked_elsewhere": len(pairs),
            "query_groups": pairs.query_keys.size,
            "query_vectors": pairs.query_keys.size,
            "document_groups": n_documents,
            "document_vectors": n_documents,
            "scores": len(pairs),
        }
        for name, size in sizes.items():
            rows = getattr(self, name)
            if rows is not None and rows.shape[0] != size:
                raise TableError(f"{name} has {rows.shape[0]} rows, {size} are needed", where=name)


def number_documents(pairs: Pairs) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Number the documents of pairs in the order of their ids.

    Returns:
        `[n_pairs]` int64, each pair's document, and `[n_documents]` the ids, ascending.
    """
    ids, number = np.unique(pairs.document_ids, return_inverse=True)
    return number.astype(np.int64), ids


def find_places(
    pairs: Pairs, query_keys: NDArray[np.object_], document_ids: NDArray[np.object_]
) -> NDArray[np.int64]:
    """Find pairs by name.

    Args:
        pairs: Where to look.
        query_keys: `[n]` the queries.
        document_ids: `[n]` their documents.

    Returns:
        `[n]` int64, places in the pairs; -1 where there is no such pair.

    Example:
        >>> from rankloop.bias.cells import Pairs
        >>> names = np.array(["a", "b"], object)
        >>> pairs = Pairs(np.zeros(2, np.int64), np.array(["q"], object), names)
        >>> find_places(pairs, np.array(["q", "r"], object), np.array(["b", "b"], object)).tolist()
        [1, -1]
    """
    if not len(pairs) or not query_keys.size:
        return np.full(query_keys.size, -1, dtype=np.int64)
    document, ids = number_documents(pairs)
    query_place, is_query = _look_up(pairs.query_keys, query_keys)
    document_place, is_document = _look_up(ids, document_ids)
    # Pairs ascend by query and document, so these numbers do.
    known = pairs.query * ids.size + document
    place, is_pair = _look_up(known, query_place * ids.size + document_place)
    return np.where(is_query & is_document & is_pair, place, -1)


def _look_up(
    ascending: NDArray[np.generic], wanted: NDArray[np.generic]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Find values among ascending ones; say which are there."""
    place = np.minimum(np.searchsorted(ascending, wanted), ascending.size - 1)
    found: NDArray[np.bool_] = ascending[place] == wanted
    return place, found
