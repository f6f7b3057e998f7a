"""Cells: a click log folded into counts, one row per circumstance; what every estimator reads.

A cell counts how often one document was shown for one query, in one week and context, at one
position, below one previous click, and how often it was clicked there. Counts add: the cells of
two logs together are the cells of both, so that they can be kept by day and merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Pairs:
    """The (query, document) pairs that cells number.

    Attributes:
        query: `[n_pairs]` int64, place in `query_keys`; ascending, so a query's pairs are
            neighbors.
        query_keys: `[n_queries]` the queries, ascending.
        document_ids: `[n_pairs]` the document of each pair, ascending within a query.
    """

    query: NDArray[np.int64]
    query_keys: NDArray[np.object_]
    document_ids: NDArray[np.object_]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return int(self.query.size)


@dataclass(frozen=True, slots=True)
class Cells:
    """Additive counts, one row per cell; every array is `[n_cells]`.

    Attributes:
        pair: int64, place in `pairs`.
        position: int32, where the document stood, from 0, page offset included.
        previous_click: int32, position of the last click above it in the same list; -1 for none.
        week: int32, weeks since the first one in the log, from 0.
        context: int32, place in `contexts`.
        shard: int32, which of `n_shards` groups of people; all 0 where shards were not asked for.
        n: int64, impressions, above 0.
        clicks: int64, impressions that were clicked, at most `n`.
        pairs: What `pair` numbers.
        contexts: `(surface, device)` of each context, empty text where unknown.
        n_shards: How many groups of people `shard` tells apart; 1 where it tells none.
    """

    pair: NDArray[np.int64]
    position: NDArray[np.int32]
    previous_click: NDArray[np.int32]
    week: NDArray[np.int32]
    context: NDArray[np.int32]
    shard: NDArray[np.int32]
    n: NDArray[np.int64]
    clicks: NDArray[np.int64]
    pairs: Pairs
    contexts: tuple[tuple[str, str], ...] = (("", ""),)
    n_shards: int = 1

    @property
    def n_positions(self) -> int:
        """One more than the deepest position shown; 0 where nothing was."""
        return int(self.position.max()) + 1 if self.position.size else 0

    @property
    def n_impressions(self) -> int:
        """How many impressions the cells count."""
        return int(self.n.sum())

    @property
    def n_clicks(self) -> int:
        """How many of them were clicked."""
        return int(self.clicks.sum())
