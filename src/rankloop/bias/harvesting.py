"""Intervention harvesting: what a log shows at several ranks without anyone having planned it.

A (query, document) pair that stood at two ranks within a week tells how the ranks compare: it is
the same document for the same need, so what differs is how likely it was looked at. A pair that
kept its place, or was never clicked, tells nothing and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import sparse

from rankloop.bias.folding import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells

Effect = Literal["pair", "week", "context"]
"""What attraction may differ by; the pair always."""


@dataclass(frozen=True, slots=True)
class Harvest:
    """Rows of effects that were shown at two nodes or more and clicked.

    An effect is a pair, in one week and context where these are told apart; a node is a position,
    or several that are pooled.

    Attributes:
        key: `[n_effects]` int64, ascending: which effect it is, as `number_effects` says.
        start: `[n_effects]` int64, the first row of each effect.
        node: `[n_rows]` int64, ascending within an effect.
        n: `[n_rows]` float64, impressions.
        clicks: `[n_rows]` float64, those that were clicked.
        n_nodes: How many nodes there are.
    """

    key: NDArray[np.int64]
    start: NDArray[np.int64]
    node: NDArray[np.int64]
    n: NDArray[np.float64]
    clicks: NDArray[np.float64]
    n_nodes: int

    @property
    def lengths(self) -> NDArray[np.int64]:
        """`[n_effects]` int64, how many nodes each effect was shown at."""
        return np.diff(self.start, append=self.node.size)

    @property
    def effect(self) -> NDArray[np.int64]:
        """`[n_rows]` int64, the effect of each row."""
        return np.repeat(np.arange(self.start.size), self.lengths)

    @property
    def total(self) -> NDArray[np.float64]:
        """`[n_effects]` float64, clicks of each effect."""
        return self.sum_by_effect(self.clicks)

    @property
    def n_clicks(self) -> float:
        """Clicks in all."""
        return float(self.clicks.sum())

    @property
    def clicks_by_node(self) -> NDArray[np.float64]:
        """`[n_nodes]` float64, clicks at each node."""
        return np.bincount(self.node, weights=self.clicks, minlength=self.n_nodes).astype(
            np.float64
        )

    def sum_by_effect(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up `[n_rows]` values over each effect."""
        if not self.start.size:
            return np.zeros(0)
        return np.asarray(np.add.reduceat(values, self.start), dtype=np.float64)

    def spread(self, values: NDArray[np.float64]) -> sparse.csr_array:
        """Lay `[n_rows]` values out as a sparse `[n_effects, n_nodes]` table."""
        ends = np.append(self.start, self.node.size)
        return sparse.csr_array(
            (values, self.node, ends), shape=(self.start.size, self.n_nodes), copy=False
        )

    def restrict(self, nodes: NDArray[np.bool_]) -> Harvest:
        """Keep what is shown at some nodes, where that still compares two of them.

        Args:
            nodes: `[n_nodes]` bool, which nodes to keep; numbers of nodes stay what they are.
        """
        if nodes.all():
            return self
        rows = nodes[self.node]
        effect = self.effect[rows]
        return _keep_telling(
            self.key, effect, self.node[rows], self.n[rows], self.clicks[rows], self.n_nodes
        )


def number_effects(cells: Cells, by: Sequence[Effect]) -> NDArray[np.int64]:
    """Number each cell's effect: its pair, and its context and week where `by` names them."""
    key = cells.pair.astype(np.int64, copy=True)
    if "context" in by:
        key = key * len(cells.contexts) + cells.context
    if "week" in by:
        key = key * (int(cells.week.max()) + 1 if len(cells) else 1) + cells.week
    return key


def keep_moved(cells: Cells, node_of: NDArray[np.int64]) -> Cells:
    """Keep pairs that were clicked and shown at two nodes: nothing else can be harvested.

    Args:
        cells: A log's cells.
        node_of: `[n_positions]` int64, the node of each position.
    """
    if not len(cells):
        return cells
    start = np.flatnonzero(np.diff(cells.pair, prepend=-1))
    node = node_of[cells.position]
    is_moved = np.maximum.reduceat(node, start) > np.minimum.reduceat(node, start)
    is_kept = is_moved & (np.add.reduceat(cells.clicks, start) > 0)
    return cells.select(np.repeat(is_kept, np.diff(start, append=len(cells))))


def harvest(cells: Cells, node_of: NDArray[np.int64], by: Sequence[Effect]) -> Harvest:
    """Gather what was shown at two nodes or more, and clicked.

    Args:
        cells: A log's cells.
        node_of: `[n_positions]` int64, the node of each position.
        by: What attraction may differ by besides the pair.

    Example:
        >>> from rankloop.bias.cells import Cells
        >>> cells = Cells.from_columns(
        ...     {
        ...         "query_key": ["q", "q", "q"],
        ...         "document_id": ["d", "d", "c"],
        ...         "position": [0, 1, 2],
        ...         "n": [9, 9, 9],
        ...         "clicks": [4, 2, 1],
        ...     }
        ... )
        >>> harvested = harvest(cells, np.arange(3), ["pair"])
        >>> harvested.node.tolist(), harvested.clicks.tolist()
        ([0, 1], [4.0, 2.0])
    """
    keys = {"effect": number_effects(cells, by), "node": node_of[cells.position]}
    rows, sums = fold(keys, {"n": cells.n, "clicks": cells.clicks})
    key, effect = _number(keys["effect"][rows])
    n, clicks = sums["n"].astype(np.float64), sums["clicks"].astype(np.float64)
    return _keep_telling(
        key, effect, keys["node"][rows], n, clicks, int(node_of.max(initial=0)) + 1
    )


def _number(ordered: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number groups of equal neighbors; say what each group holds, and each row's group."""
    is_start = np.ones(ordered.size, dtype=bool)
    is_start[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_start], np.cumsum(is_start) - 1


def _keep_telling(
    key: NDArray[np.int64],
    effect: NDArray[np.int64],
    node: NDArray[np.int64],
    n: NDArray[np.float64],
    clicks: NDArray[np.float64],
    n_nodes: int,
) -> Harvest:
    """Keep effects with a click and two nodes or more."""
    total = np.bincount(effect, weights=clicks, minlength=key.size)
    tells = (total > 0) & (np.bincount(effect, minlength=key.size) > 1)
    rows = tells[effect]
    held, kept = _number(effect[rows])
    start = np.flatnonzero(np.diff(kept, prepend=-1)).astype(np.int64)
    return Harvest(key[held], start, node[rows], n[rows], clicks[rows], n_nodes)


@dataclass(frozen=True, slots=True)
class Grouped:
    """Harvested clicks by group of people.

    Attributes:
        by_node: `[n_shards, n_nodes]` float64, clicks at each node.
        by_effect: `[n_shards, n_effects]` float64, sparse, clicks on each effect.
    """

    by_node: NDArray[np.float64]
    by_effect: sparse.csr_array


def count_by_group(
    cells: Cells, node_of: NDArray[np.int64], by: Sequence[Effect], harvested: Harvest
) -> Grouped:
    """Count harvested clicks by group of people.

    Args:
        cells: The log's cells, told apart by shard; only clicked ones have to be.
        node_of: `[n_positions]` int64, the node of each position.
        by: What attraction may differ by besides the pair.
        harvested: What was harvested from them, restricted or not.
    """
    n_nodes = harvested.n_nodes
    is_used = np.zeros(n_nodes, dtype=bool)
    is_used[harvested.node] = True
    key, node = number_effects(cells, by), node_of[cells.position]
    place = np.searchsorted(harvested.key, key)
    rows = np.flatnonzero((cells.clicks > 0) & is_used[node] & (place < harvested.key.size))
    rows = rows[harvested.key[place[rows]] == key[rows]]
    shard, clicks = cells.shard[rows].astype(np.int64), cells.clicks[rows].astype(np.float64)
    size = cells.n_shards * n_nodes
    by_node = np.bincount(shard * n_nodes + node[rows], weights=clicks, minlength=size)
    shape = (cells.n_shards, harvested.key.size)
    return Grouped(
        by_node.reshape(cells.n_shards, n_nodes).astype(np.float64),
        sparse.csr_array((clicks, (shard, place[rows])), shape=shape),
    )
