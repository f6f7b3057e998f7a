"""How popular documents are and how queries are clicked, read off the counters of one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.counters.base import Popularity, is_exposure_known
from rankloop.counters.columns import DEFAULT_RETRIEVER, HOUR_US
from rankloop.counters.histories import to_query_number
from rankloop.counters.registers import SHOWN_MASK
from rankloop.counters.state import SLOT_BITS
from rankloop.counters.tallies import HOUR_BITS, MASK_BITS, Rows, Tallies, Tally, unpack

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from rankloop.counters.base import PopularityWindow
    from rankloop.counters.state import State

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

_MOST_LISTED: Final = 512

PRIOR_CLICKS: Final = 10.0
"""Clicks for which the mean entropy of all queries stands, where a query has few of its own."""


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a window, and how much each weighs.

    An hour counts whole as long as its beginning lies in the window, so that what left the window
    counts no more.

    Attributes:
        first: The first hour, since 1970.
        last: The last hour, the one that is running.
        half_life: Hours in which a count loses half of its weight; None where it keeps it.
    """

    first: int
    last: int
    half_life: float | None = None

    @classmethod
    def of(cls, days: float, now: datetime, half_life_days: float | None = None) -> Hours:
        """Return the hours of a window of days that ends now.

        Example:
            >>> from datetime import UTC, datetime
            >>> hours = Hours.of(1.0, datetime(1970, 1, 2, 0, 30, tzinfo=UTC))
            >>> hours.first, hours.last
            (1, 24)
        """
        now_us = round(now.timestamp() * 1e6)
        first = -((round(days * 24 * HOUR_US) - now_us) // HOUR_US)
        half_life = None if half_life_days is None else 24 * half_life_days
        return cls(max(first, 0), now_us // HOUR_US, half_life)

    def weigh(self, hours: Ints) -> Floats:
        """Return the weight of each hour of the window."""
        if self.half_life is None:
            return np.ones(hours.size)
        table = np.exp2(np.arange(self.first - self.last, 1) / self.half_life)
        return table[hours - self.first]


def read_popularity(
    state: State, window: PopularityWindow, document_ids: Sequence[str], hours: Hours
) -> Popularity:
    """Say how popular documents are by what is in memory."""
    retriever_ids = to_retrievers(window.retriever_id)
    slots = np.concatenate([state.documents.find(name, document_ids) for name in retriever_ids])
    numbers = np.array([state.documents.number(name) for name in retriever_ids], np.int64)
    n = len(document_ids)
    # In ascending order: neighbors in memory are looked up after each other.
    order = np.argsort(slots, kind="stable")
    order = order[np.searchsorted(slots[order], 0) :]
    slots, places = slots[order], order % max(n, 1)
    is_match = state.masks.matching(window.type_mask)
    rows = _find(state.counts, slots, hours)
    weights = _weigh(rows, hours) * is_match[unpack(rows.keys)[2]]
    shown = _find(state.exposures, slots, hours)
    key = (retriever_ids, window.type_mask, hours)
    memo = state.memo
    totals = memo.get(key)
    if totals is None:
        totals = memo[key] = _read_totals(state, numbers, is_match, hours)
    total_count, total_expected, shown_share = totals
    return Popularity(
        count=_sum_up(places[rows.owners], weights, n),
        expected=_sum_up(places[shown.owners], _weigh(shown, hours), n),
        total_count=total_count,
        total_expected=total_expected,
        n_documents=0
        if is_exposure_known(shown_share, total_expected)
        else _count_documents(state, numbers, is_match, hours, key),
        shown_share=shown_share,
    )


def to_retrievers(retriever_id: str) -> tuple[str, ...]:
    """Name whose documents count for a retriever: its own, and what names none."""
    if retriever_id == DEFAULT_RETRIEVER:
        return (retriever_id,)
    return retriever_id, DEFAULT_RETRIEVER


def read_entropy(state: State, retriever_id: str, query_key: str) -> float:
    """Return the entropy of a query's clicks over documents in bits, NaN where unknown.

    `(n H + 10 H̄) / (n + 10)`, H̄ the mean over all queries, so that a single click does not make
    a query unambiguous.
    """
    number = to_query_number(query_key)
    if not number or not state.queries.levels:
        return float("nan")
    low = number >> 32 << SLOT_BITS
    rows = state.queries.find(np.array([low]), np.array([low + (1 << SLOT_BITS)]))
    slots = rows.keys & ((1 << SLOT_BITS) - 1)
    wanted = [state.documents.number(name) for name in to_retrievers(retriever_id)]
    is_here = np.isin(state.documents.retrievers(slots), wanted)
    clicks = Tally.sum_up(slots[is_here], rows.counts[is_here]).counts
    level = state.queries.levels[0]
    mean = _recall(state, level, "entropy")
    if not isinstance(mean, float):
        mean = _mean_entropy(level)
        state.listed[id(level), "entropy"] = (level, mean)
    n = float(clicks.sum())
    return float((n * _entropy(clicks) + PRIOR_CLICKS * mean) / (n + PRIOR_CLICKS))


def _find(tallies: Tallies, slots: Ints, hours: Hours) -> Rows:
    """Find the rows of slots within hours."""
    first = slots << (HOUR_BITS + MASK_BITS) | hours.first << MASK_BITS
    behind = slots << (HOUR_BITS + MASK_BITS) | (hours.last + 1) << MASK_BITS
    return tallies.find(first, behind)


def _weigh(rows: Rows, hours: Hours) -> Floats:
    """Return the counts of rows, each with the weight of its hour."""
    if hours.half_life is None:
        return rows.counts
    return rows.counts * hours.weigh(unpack(rows.keys)[1])


def _sum_up(places: Ints, weights: Floats, n: int) -> Floats:
    """Sum weights by place."""
    return np.asarray(np.bincount(places, weights, n), np.float64)


def _read_totals(
    state: State, retrievers: Ints, is_match: NDArray[np.bool_], hours: Hours
) -> tuple[float, float, float]:
    """Sum counts and examinations over all documents; the share of counts that name a search."""
    retrievers = retrievers[retrievers >= 0]
    rows = _find(state.totals, retrievers, hours)
    masks = unpack(rows.keys)[2]
    weights = _weigh(rows, hours) * is_match[masks]
    total = float(weights.sum())
    is_shown = state.masks.matching(SHOWN_MASK)[masks]
    shown = _find(state.exposure_totals, retrievers, hours)
    share = float(weights[is_shown].sum()) / total if total > 0 else float("nan")
    return total, float(_weigh(shown, hours).sum()), share


def _count_documents(
    state: State, retrievers: Ints, is_match: NDArray[np.bool_], hours: Hours, key: Hashable
) -> int:
    """Count the documents of retrievers with any count in the window."""
    memo = state.memo
    known = memo.get(("n_documents", key))
    if known is not None:
        return int(known)
    levels = [
        _list_documents(state, level, retrievers, is_match, hours, key)
        for level in state.counts.levels
    ]
    n = 0
    if levels:
        # The first is by far the largest: only what it lacks is looked for in the others.
        first, others = levels[0], np.unique(np.concatenate([levels[0][:0], *levels[1:]]))
        places = np.minimum(np.searchsorted(first, others), max(first.size - 1, 0))
        n = first.size + int((first[places] != others).sum() if first.size else others.size)
    memo["n_documents", key] = n
    return n


def _list_documents(
    state: State,
    level: Tally,
    retrievers: Ints,
    is_match: NDArray[np.bool_],
    hours: Hours,
    key: Hashable,
) -> Ints:
    """List the slots of one tally's documents with any count in the window, ascending."""
    kept = _recall(state, level, key)
    if kept is not None:
        return np.asarray(kept, np.int64)
    slots, when, masks = unpack(level.keys)
    is_in = (when >= hours.first) & (when <= hours.last) & is_match[masks] & (level.counts > 0)
    slots = slots[is_in]
    slots = np.unique(slots[np.isin(state.documents.retrievers(slots), retrievers)])
    state.listed[id(level), key] = (level, slots)
    return slots


def _recall(state: State, level: Tally, key: Hashable) -> object:
    """Return what is kept of a tally under a key; None where there is nothing."""
    listed = state.listed
    if len(listed) > _MOST_LISTED:
        alive = {id(tally) for tally in (*state.counts.levels, *state.queries.levels)}
        state.listed = listed = {
            name: kept for name, kept in listed.copy().items() if name[0] in alive
        }
    # A number may be given again once its tally is gone.
    kept = listed.get((id(level), key))
    return kept[1] if kept is not None and kept[0] is level else None


def _entropy(clicks: Floats) -> float:
    """Return the entropy in bits of clicks over documents, 0 where there is none.

    Example:
        >>> _entropy(np.array([2.0, 2.0]))
        1.0
    """
    n = clicks.sum()
    if n <= 0:
        return 0.0
    shares = clicks[clicks > 0] / n
    return float(-(shares * np.log2(shares)).sum())


def _mean_entropy(level: Tally) -> float:
    """Return the mean entropy of queries, each weighing as its clicks."""
    codes = level.keys >> SLOT_BITS
    starts = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
    clicks = np.maximum(level.counts, 1e-9)
    totals = np.add.reduceat(clicks, starts)
    surprises = np.add.reduceat(clicks * np.log2(clicks), starts)
    return float((totals * np.log2(totals) - surprises).sum() / totals.sum())
