"""Contrasts: which positives stay, and which negatives each of them is given."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.errors import SettingsError
from rankloop.training.guards import is_same_document
from rankloop.training.knowledge import number_documents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.cells import Pairs
    from rankloop.training.evidence import Evidence
    from rankloop.training.guards import GuardConfig
    from rankloop.training.knowledge import Knowledge


@dataclass(frozen=True, slots=True)
class ContrastConfig:
    """Settings of how many negatives a pair is given."""

    max_hard: int = 4
    """Hard negatives of one pair at most, 0 or more."""

    random_ratio: float = 1.0
    """Random negatives for each hard one, 0 or more."""

    seed: int = 0
    """Which random negatives are drawn, 0 or more."""

    def __post_init__(self) -> None:
        if min(self.max_hard, self.seed) < 0:
            raise SettingsError("max_hard and seed must be 0 or more", where="max_hard")
        if not 0 <= self.random_ratio < np.inf:
            raise SettingsError("random_ratio must be 0 or more", where="random_ratio")


def cap_pairs(
    candidates: NDArray[np.bool_],
    weight: NDArray[np.float64],
    group: tuple[NDArray[np.int64], ...],
    most: int,
) -> NDArray[np.bool_]:
    """Keep the weightiest candidates of each group, the first ones among equals.

    Args:
        candidates: `[n]` bool.
        weight: `[n]` float64.
        group: `[n]` int64 each; together they name the group.
        most: How many of a group may stay, 1 or more.

    Returns:
        `[n]` bool.

    Example:
        >>> weights, query = np.array([0.2, 0.9, 0.5, 0.1]), np.array([0, 0, 0, 1])
        >>> cap_pairs(weights > 0, weights, (query,), 2).tolist()
        [False, True, True, True]
    """
    place = np.flatnonzero(candidates)
    order = place[np.lexsort((place, -weight[place], *(key[place] for key in reversed(group))))]
    kept = np.zeros(candidates.size, dtype=bool)
    if not order.size:
        return kept
    is_new = np.any([np.diff(key[order]) != 0 for key in group], axis=0)
    first = np.flatnonzero(np.concatenate(([True], is_new)))
    rank = np.arange(order.size) - np.repeat(first, np.diff(np.append(first, order.size)))
    kept[order[rank < most]] = True
    return kept


def attach_negatives(
    positive: NDArray[np.int64],
    negatives: NDArray[np.bool_],
    evidence: Evidence,
    config: ContrastConfig,
    knowledge: Knowledge,
    guards: GuardConfig,
) -> tuple[list[list[str]], list[list[str]]]:
    """Give each positive its query's hard negatives, most looked at first, and random ones.

    Args:
        positive: `[n]` int64, places of the positives, ascending.
        negatives: `[n_pairs]` bool, which pairs are hard negatives.
        evidence: Of the same pairs.
        config: How many.
        knowledge: Which queries mean the same, and which documents are the same thing.
        guards: From where they count as the same.

    Returns:
        For each positive the ids of its hard and of its random negatives. Random ones were never
        shown for the query, nor for one that means the same, and are no copies of its positives;
        which are drawn hangs on the seed and the query's key.
    """
    pairs = evidence.pairs
    document, ids = number_documents(pairs)
    place = np.flatnonzero(negatives)
    place = place[np.lexsort((place, -evidence.examinations[place], pairs.query[place]))]
    of_query = pairs.query[place]
    kin = _Kin(pairs.query_keys.size, knowledge.query_groups)
    hard: list[list[str]] = []
    random: list[NDArray[np.int64]] = []
    for query, turn in _count_turns(pairs.query[positive]):
        first, end = np.searchsorted(of_query, [query, query + 1])
        mine = place[first:end]
        # Positives of one query take turns, so that all its negatives are used.
        most = min(config.max_hard, mine.size)
        taken = mine[(turn * most + np.arange(most)) % max(mine.size, 1)]
        hard.append([str(pairs.document_ids[k]) for k in taken])
        key = zlib.crc32(str(pairs.query_keys[query]).encode())
        rng = np.random.default_rng([config.seed, key, turn])
        shown = np.unique(document[_list_pairs(pairs, kin.of(query))])
        random.append(_draw(round(config.random_ratio * most), shown, ids.size, rng))
    random = _drop_copies(random, positive, pairs, knowledge, guards)
    return hard, [[str(name) for name in ids[drawn]] for drawn in random]


def _drop_copies(
    drawn: list[NDArray[np.int64]],
    positive: NDArray[np.int64],
    pairs: Pairs,
    knowledge: Knowledge,
    config: GuardConfig,
) -> list[NDArray[np.int64]]:
    """Leave out documents that are the same thing as a positive of the query they are drawn for."""
    document, _ = number_documents(pairs)
    sizes = [each.size for each in drawn]
    if not sum(sizes):
        return drawn
    every, of_query = np.concatenate(drawn), np.repeat(pairs.query[positive], sizes)
    first = np.searchsorted(pairs.query[positive], of_query)
    counts = np.searchsorted(pairs.query[positive], of_query, "right") - first
    place = np.repeat(np.arange(every.size), counts)
    turn = np.arange(place.size) - np.repeat(np.cumsum(counts) - counts, counts)
    other = document[positive[first[place] + turn]]
    is_copy = np.zeros(every.size, dtype=bool)
    is_copy[place[is_same_document(every[place], other, knowledge, config)]] = True
    ends = np.cumsum(sizes)[:-1]
    parts = zip(np.split(every, ends), np.split(is_copy, ends), strict=True)
    return [each[~copies] for each, copies in parts]


class _Kin:
    """Which queries mean the same, looked up by query."""

    def __init__(self, n_queries: int, groups: NDArray[np.int64] | None) -> None:
        self._groups = np.full(n_queries, -1) if groups is None else groups
        self._order = np.argsort(self._groups, kind="stable")
        self._sorted = self._groups[self._order]

    def of(self, query: int) -> NDArray[np.int64]:
        """Return the queries that mean the same, the query among them."""
        group = self._groups[query]
        if group < 0:
            return np.array([query])
        first, end = np.searchsorted(self._sorted, [group, group + 1])
        return self._order[first:end]


def _list_pairs(pairs: Pairs, queries: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of the pairs of some queries."""
    first = np.searchsorted(pairs.query, queries)
    end = np.searchsorted(pairs.query, queries, "right")
    return np.concatenate([np.arange(*bounds) for bounds in zip(first, end, strict=True)])


def _count_turns(query: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Number the entries of each query, which are neighbors, from 0."""
    if not query.size:
        return []
    first = np.flatnonzero(np.concatenate(([True], np.diff(query) != 0)))
    turn = np.arange(query.size) - np.repeat(first, np.diff(np.append(first, query.size)))
    return list(zip(query.tolist(), turn.tolist(), strict=True))


def _draw(
    n: int, shown: NDArray[np.int64], n_documents: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw documents beside those shown, which ascend; fewer where there are not so many."""
    n = min(n, n_documents - shown.size)
    if n <= 0:
        return np.empty(0, dtype=np.int64)
    # Places among those not shown, moved past the shown ones: no document is drawn in vain.
    drawn = np.sort(rng.choice(n_documents - shown.size, size=n, replace=False))
    return np.asarray(drawn + np.searchsorted(shown - np.arange(shown.size), drawn, "right"))
