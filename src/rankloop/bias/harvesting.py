"""Intervention harvesting: what a log shows at several ranks without anyone having planned it.

A (query, document) pair that stood at two ranks within a week tells how the ranks compare: it is
the same document for the same need, so what differs is how likely it was looked at. A pair that
kept its place, or was never clicked, tells nothing and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import sparse

from rankloop.bias.folding import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.bias.sightings import Effect, Sightings

MAX_SPREAD: Final = 4
"""Numbers are counted rather than sorted while they span at most so many times their number."""


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


def harvest(seen: Sightings, by: Sequence[Effect]) -> Harvest:
    """Gather what was shown at two nodes or more, and clicked.

    Args:
        seen: What was shown where.
        by: What attraction may differ by besides the pair.

    Example:
        >>> from rankloop.bias.cells import Cells
        >>> from rankloop.bias.sightings import sight
        >>> cells = Cells.from_columns(
        ...     {
        ...         "query_key": ["q", "q", "q"],
        ...         "document_id": ["d", "d", "c"],
        ...         "position": [0, 1, 2],
        ...         "n": [9, 9, 9],
        ...         "clicks": [4, 2, 1],
        ...     }
        ... )
        >>> harvested = harvest(sight(cells, np.arange(3)), ["pair"])
        >>> harvested.node.tolist(), harvested.clicks.tolist()
        ([0, 1], [4.0, 2.0])
    """
    key, node, n, clicks = _add_up(seen, by)
    held, effect = _number(key)
    return _keep_telling(held, effect, node, n, clicks, seen.n_nodes)


def _add_up(
    seen: Sightings, by: Sequence[Effect]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Add rows up by effect and node: `[n_rows]` effects, ascending, nodes and counts."""
    key = seen.number_effects(by)
    cell = key * seen.n_nodes + seen.node
    if (cell[1:] > cell[:-1]).all():
        return key, seen.node, seen.n, seen.clicks
    size = int(cell.max()) + 1
    if size > MAX_SPREAD * cell.size:
        counts = {"n": seen.n.astype(np.int64), "clicks": seen.clicks.astype(np.int64)}
        rows, sums = fold({"cell": cell}, counts)
        cell, n, clicks = cell[rows], sums["n"], sums["clicks"]
    else:
        # Counting needs no order: rows of a pair are near each other already.
        n, clicks = (np.bincount(cell, weights=each) for each in (seen.n, seen.clicks))
        cell = np.flatnonzero(n)
        n, clicks = n[cell], clicks[cell]
    key, node = np.divmod(cell, seen.n_nodes)
    return key, node, n.astype(np.float64), clicks.astype(np.float64)


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
        by_effect: `[n_effects, n_shards]` float64, sparse, clicks on each effect.
    """

    by_node: NDArray[np.float64]
    by_effect: sparse.csr_array


def count_by_group(seen: Sightings, by: Sequence[Effect], harvested: Harvest) -> Grouped:
    """Count harvested clicks by group of people.

    Args:
        seen: What was shown where, and who clicked.
        by: What attraction may differ by besides the pair.
        harvested: What was harvested from it, restricted or not.
    """
    n_nodes, n_shards = harvested.n_nodes, seen.n_shards
    is_used = np.zeros(n_nodes, dtype=bool)
    is_used[harvested.node] = True
    key = seen.number_effects(by)[seen.click_row]
    place = _find_places(harvested.key, key)
    rows = np.flatnonzero((place >= 0) & is_used[seen.node[seen.click_row]])
    place, node = place[rows], seen.node[seen.click_row[rows]]
    shard, clicks = seen.click_shard[rows], seen.click_count[rows]
    by_node = np.bincount(shard * n_nodes + node, weights=clicks, minlength=n_shards * n_nodes)
    shape = (harvested.key.size, n_shards)
    return Grouped(
        by_node.reshape(n_shards, n_nodes).astype(np.float64),
        sparse.csr_array((clicks, (place, shard)), shape=shape),
    )


def _find_places(held: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find numbers in an ascending table of them; -1 where it lacks one.

    Example:
        >>> _find_places(np.array([2, 5]), np.array([5, 3, 2])).tolist()
        [1, -1, 0]
    """
    size = int(max(held.max(initial=0), wanted.max(initial=0))) + 1
    if size <= MAX_SPREAD * (held.size + wanted.size):
        table = np.full(size, -1, dtype=np.int64)
        table[held] = np.arange(held.size)
        return table[wanted]
    place = np.searchsorted(held, wanted)
    is_found = np.zeros(wanted.size, dtype=bool)
    inside = place < held.size
    is_found[inside] = held[place[inside]] == wanted[inside]
    return np.where(is_found, place, -1)
