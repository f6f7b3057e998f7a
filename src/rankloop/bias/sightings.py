"""Cells as examination is estimated from them: folded once, then read many times.

What harvesting asks of a log is how often each pair was shown and clicked at each node, by week and
context, and which group of people clicked. A large log has twenty million cells, told apart by
previous click too; everything after the one pass over them that is made here reads less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells

Effect = Literal["pair", "week", "context"]
"""What attraction may differ by; the pair always."""


@dataclass(frozen=True, slots=True)
class Sightings:
    """How often pairs were shown and clicked at each node, and by whom they were clicked.

    Attributes:
        pair: `[n_rows]` int64, ascending; rows of a pair by context, week and node, each once.
        context: `[n_rows]` int16.
        week: `[n_rows]` int16.
        node: `[n_rows]` int64, a position, or several that are pooled.
        n: `[n_rows]` float64, impressions.
        clicks: `[n_rows]` float64, those that were clicked.
        click_row: `[n_clicked]` int64, ascending: the row that was clicked.
        click_shard: `[n_clicked]` int64, by which group of people.
        click_count: `[n_clicked]` float64, how often.
        n_nodes: How many nodes there are.
        n_shards: How many groups of people there are.
        contexts: `(surface, device)` of each context.
    """

    pair: NDArray[np.int64]
    context: NDArray[np.int16]
    week: NDArray[np.int16]
    node: NDArray[np.int64]
    n: NDArray[np.float64]
    clicks: NDArray[np.float64]
    click_row: NDArray[np.int64]
    click_shard: NDArray[np.int64]
    click_count: NDArray[np.float64]
    n_nodes: int
    n_shards: int
    contexts: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.pair.size)

    @property
    def n_by_node(self) -> NDArray[np.float64]:
        """`[n_nodes]` float64, impressions at each node."""
        return _sum_by(self.node, self.n, self.n_nodes)

    @property
    def clicks_by_node(self) -> NDArray[np.float64]:
        """`[n_nodes]` float64, clicks at each node."""
        return _sum_by(self.node, self.clicks, self.n_nodes)

    def number_effects(self, by: Sequence[Effect]) -> NDArray[np.int64]:
        """Number each row's effect: its pair, and its context and week where `by` names them."""
        key = self.pair
        if "context" in by:
            key = key * len(self.contexts) + self.context
        if "week" in by:
            key = key * (int(self.week.max(initial=0)) + 1) + self.week
        return key

    def select(self, rows: NDArray[np.bool_]) -> Sightings:
        """Keep some rows; pairs, contexts, weeks and nodes keep their numbers.

        Args:
            rows: `[n_rows]` bool, which to keep.
        """
        if rows.all():
            return self
        kept = np.flatnonzero(rows)
        clicked = rows[self.click_row]
        place = np.cumsum(rows, dtype=np.int64) - 1
        return replace(
            self,
            pair=self.pair[kept],
            context=self.context[kept],
            week=self.week[kept],
            node=self.node[kept],
            n=self.n[kept],
            clicks=self.clicks[kept],
            click_row=place[self.click_row[clicked]],
            click_shard=self.click_shard[clicked],
            click_count=self.click_count[clicked],
        )

    def keep_moved(self) -> Sightings:
        """Keep pairs that were clicked and shown at two nodes: no other can be harvested."""
        if not len(self):
            return self
        start = np.flatnonzero(np.diff(self.pair, prepend=-1))
        is_moved = np.maximum.reduceat(self.node, start) > np.minimum.reduceat(self.node, start)
        is_kept = is_moved & (np.add.reduceat(self.clicks, start) > 0)
        return self.select(np.repeat(is_kept, np.diff(start, append=len(self))))


def sight(cells: Cells, node_of: NDArray[np.int64]) -> Sightings:
    """Fold a log's cells by pair, context, week and node.

    Args:
        cells: The cells, with clicks told apart by shard; impressions need not be.
        node_of: `[n_positions]` int64, the node of each position; ascending.

    Example:
        >>> from rankloop.bias.cells import Cells
        >>> cells = Cells.from_columns(
        ...     {
        ...         "query_key": ["q", "q", "q"],
        ...         "document_id": ["d", "d", "d"],
        ...         "position": [0, 0, 1],
        ...         "shard": [0, 1, 0],
        ...         "n": [5, 2, 9],
        ...         "clicks": [0, 2, 1],
        ...     },
        ...     n_shards=2,
        ... )
        >>> seen = sight(cells, np.arange(2))
        >>> seen.n.tolist(), seen.clicks.tolist(), seen.click_shard.tolist()
        ([7.0, 9.0], [2.0, 1.0], [1, 0])
    """
    node = node_of[cells.position]
    # Cells are sorted by pair, context, week and position, so that equals are neighbors.
    is_start = np.ones(len(cells), dtype=bool)
    is_start[1:] = cells.pair[1:] != cells.pair[:-1]
    for column in (cells.context, cells.week, node):
        is_start[1:] |= column[1:] != column[:-1]
    start = np.flatnonzero(is_start)
    clicked = np.flatnonzero(cells.clicks)
    return Sightings(
        pair=cells.pair[start],
        context=cells.context[start],
        week=cells.week[start],
        node=node[start].astype(np.int64, copy=False),
        n=_sum_from(cells.n, start),
        clicks=_sum_from(cells.clicks, start),
        click_row=np.searchsorted(start, clicked, side="right") - 1,
        click_shard=cells.shard[clicked].astype(np.int64),
        click_count=cells.clicks[clicked].astype(np.float64),
        n_nodes=int(node_of.max(initial=0)) + 1,
        n_shards=cells.n_shards,
        contexts=cells.contexts,
    )


def _sum_from(counts: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.float64]:
    """Add up runs of counts that begin at some places."""
    if not start.size:
        return np.zeros(0)
    return np.add.reduceat(counts, start).astype(np.float64)


def _sum_by(
    group: NDArray[np.int64], values: NDArray[np.float64], n_groups: int
) -> NDArray[np.float64]:
    """Add values up by group."""
    return np.bincount(group, weights=values, minlength=n_groups).astype(np.float64)
