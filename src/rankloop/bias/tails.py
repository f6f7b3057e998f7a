"""Tails: what models of reading from the top need to know of a log, counted.

Above and at its last click a list was read for sure. Below, nobody knows; all that is left are the
documents in their order, from the last click down. So three counts a pair and one a tail carry
everything, and they add up as cells do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.cells import Pairs
    from rankloop.bias.lists import Lists


@dataclass(frozen=True, slots=True)
class TailGroup:
    """Tails of one length, of lists that were clicked or of lists that were not.

    Attributes:
        is_clicked: Whether the first document of each tail is the list's last click. Else the
            tail is the whole of a list without a click.
        pairs: `[n_tails, length]` int64, the documents from the top of the tail down; no two rows
            are alike.
        n: `[n_tails]` int64, how many lists ended so.
    """

    is_clicked: bool
    pairs: NDArray[np.int64]
    n: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tails:
    """A log, folded for models of reading from the top.

    Attributes:
        n_read: `[n_pairs]` int64, impressions at or above the last click of their list.
        clicks: `[n_pairs]` int64, those of them that were clicked.
        last_clicks: `[n_pairs]` int64, clicks that were the last of their list.
        position_clicks: `[n_positions]` int64, clicks at each position.
        position_last_clicks: `[n_positions]` int64, those that were the last of their list.
        groups: The tails, by whether they begin with a click and by length.
        pairs: What pairs are numbered by.
    """

    n_read: NDArray[np.int64]
    clicks: NDArray[np.int64]
    last_clicks: NDArray[np.int64]
    position_clicks: NDArray[np.int64]
    position_last_clicks: NDArray[np.int64]
    groups: tuple[TailGroup, ...]
    pairs: Pairs

    @property
    def n_tails(self) -> int:
        """How many different tails there are: at worst as many as lists."""
        return sum(group.n.size for group in self.groups)

    @property
    def n_continued(self) -> int:
        """How often someone went on from a place above their last click."""
        position = np.arange(self.position_last_clicks.size)
        return int((self.position_last_clicks * position).sum())

    def count_unclicked(self) -> NDArray[np.int64]:
        """Return `[n_pairs]` int64, impressions in lists without any click."""
        n = np.zeros(len(self.pairs), dtype=np.int64)
        for group in self.groups:
            if not group.is_clicked:
                np.add.at(n, group.pairs, group.n[:, None])
        return n


def fold_tails(lists: Lists) -> Tails:
    """Fold lists that were shown from the top.

    Example:
        >>> from rankloop.bias.cells import Pairs
        >>> from rankloop.bias.lists import Lists
        >>> table = Pairs(np.zeros(2, int), np.array(["q"], object), np.array(["a", "b"], object))
        >>> tails = fold_tails(Lists(np.array([[0, 1]] * 3), np.eye(3, 2, dtype=bool), table))
        >>> tails.n_read.tolist(), tails.clicks.tolist(), tails.n_tails
        ([2, 1], [1, 1], 3)
    """
    n_pairs, n_positions = len(lists.numbering), lists.n_positions
    last = lists.last_clicks()
    is_read = lists.is_shown & (np.arange(n_positions) <= last[:, None])
    is_clicked = np.flatnonzero(last >= 0)
    last_pairs = lists.pairs[is_clicked, last[is_clicked]]
    return Tails(
        n_read=np.bincount(lists.pairs[is_read], minlength=n_pairs),
        clicks=np.bincount(lists.pairs[lists.clicks], minlength=n_pairs),
        last_clicks=np.bincount(last_pairs, minlength=n_pairs),
        position_clicks=lists.clicks.sum(axis=0, dtype=np.int64),
        position_last_clicks=np.bincount(last[is_clicked], minlength=n_positions),
        groups=_group(lists, last),
        pairs=lists.numbering,
    )


def merge_tails(first: Tails, second: Tails) -> Tails:
    """Add the tails of two logs that number their pairs alike.

    Raises:
        TableError: They differ in the number of pairs or of positions.
    """
    if first.n_read.size != second.n_read.size:
        raise TableError("the tails number different pairs", where="pairs")
    if first.position_clicks.size != second.position_clicks.size:
        raise TableError("the tails are of lists of different width", where="position_clicks")
    kinds: dict[tuple[bool, int], list[TailGroup]] = {}
    for group in (*first.groups, *second.groups):
        kinds.setdefault((group.is_clicked, group.pairs.shape[1]), []).append(group)
    groups = tuple(
        _count(
            is_clicked,
            np.concatenate([group.pairs for group in held]),
            np.concatenate([group.n for group in held]),
        )
        for (is_clicked, _), held in sorted(kinds.items(), key=lambda kind: kind[0])
    )
    return Tails(
        n_read=first.n_read + second.n_read,
        clicks=first.clicks + second.clicks,
        last_clicks=first.last_clicks + second.last_clicks,
        position_clicks=first.position_clicks + second.position_clicks,
        position_last_clicks=first.position_last_clicks + second.position_last_clicks,
        groups=groups,
        pairs=first.pairs,
    )


def _group(lists: Lists, last: NDArray[np.int64]) -> tuple[TailGroup, ...]:
    """Cut the tails off, by whether they begin with a click and by length."""
    n_shown = lists.is_shown.sum(axis=1)
    top = np.maximum(last, 0)
    length = n_shown - top
    groups = []
    for is_clicked in (False, True):
        for size in range(1, lists.n_positions + 1):
            rows = np.flatnonzero(((last >= 0) == is_clicked) & (length == size))
            if rows.size:
                columns = top[rows, None] + np.arange(size)
                pairs = lists.pairs[rows[:, None], columns]
                groups.append(_count(is_clicked, pairs, np.ones(rows.size, dtype=np.int64)))
    return tuple(groups)


def _count(is_clicked: bool, pairs: NDArray[np.int64], n: NDArray[np.int64]) -> TailGroup:
    """Add up tails that are alike."""
    order = np.lexsort(pairs.T[::-1])
    pairs, n = pairs[order], n[order]
    is_new = np.ones(n.size, dtype=bool)
    is_new[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    starts = np.flatnonzero(is_new)
    return TailGroup(is_clicked, pairs[starts], np.add.reduceat(n, starts))
