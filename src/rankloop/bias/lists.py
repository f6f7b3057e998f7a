"""Ranked lists and their clicks as two arrays, and how they fold into cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.bias.cells import Cells, Pairs
from rankloop.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of each list beside its content; every array is `[n_lists]`."""

    week: NDArray[np.int64] | None = None
    """Weeks since the first one, from 0; all 0 where it is left out."""

    shard: NDArray[np.int64] | None = None
    """Which group of people searched, from 0; all 0 where it is left out."""

    n_shards: int = 1
    """How many groups of people `shard` tells apart."""

    is_clicked_only: bool = False
    """Put all that was not clicked into group 0: fewer cells, and errors of examination need no
    more. What was shown to a group is then not known."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists that were shown from the top, one row each, and what was clicked in them.

    Attributes:
        pairs: `[n_lists, n_positions]` int64, the (query, document) pair in each place; -1 where
            the list was shorter. Column 0 is position 0.
        clicks: `[n_lists, n_positions]` bool, True where the place was clicked.
        numbering: What `pairs` numbers.

    Raises:
        TableError: The arrays differ in shape, a place after the end was clicked, a list has a
            gap, or a pair is not in the numbering.

    Example:
        >>> table = Pairs(np.array([0, 0]), np.array(["q"], object), np.array(["a", "b"], object))
        >>> lists = Lists(
        ...     np.array([[0, 1], [1, 0]]), np.array([[True, False], [True, True]]), table
        ... )
        >>> lists.previous_clicks()
        array([[-1,  0],
               [-1,  0]])
    """

    pairs: NDArray[np.int64]
    clicks: NDArray[np.bool_]
    numbering: Pairs

    def __post_init__(self) -> None:
        if self.pairs.ndim != 2 or self.pairs.shape != self.clicks.shape:
            raise TableError(
                f"pairs are {self.pairs.shape} but clicks are {self.clicks.shape}", where="clicks"
            )
        is_absent = self.pairs < 0
        if bool((self.clicks & is_absent).any()):
            raise TableError("a place after the end of its list was clicked", where="clicks")
        if bool((is_absent[:, :-1] & ~is_absent[:, 1:]).any()):
            raise TableError("a list has a gap", where="pairs", hint="Only the end may be -1.")
        if self.pairs.size and int(self.pairs.max()) >= len(self.numbering):
            raise TableError("a pair is not in the numbering", where="pairs")

    def __len__(self) -> int:
        """Return the number of lists."""
        return int(self.pairs.shape[0])

    @property
    def n_positions(self) -> int:
        """How many places the longest list may have."""
        return int(self.pairs.shape[1])

    @property
    def is_shown(self) -> NDArray[np.bool_]:
        """`[n_lists, n_positions]`, True where the list had a document."""
        return self.pairs >= 0

    def previous_clicks(self) -> NDArray[np.int64]:
        """Return the position of the last click above each place, -1 for none; `pairs`' shape."""
        last = np.where(self.clicks, np.arange(self.n_positions), -1)
        previous = np.full(last.shape, -1, dtype=np.int64)
        np.maximum.accumulate(last[:, :-1], axis=1, out=previous[:, 1:])
        return previous

    def last_clicks(self) -> NDArray[np.int64]:
        """Return the position of each list's last click, -1 for none; `[n_lists]`."""
        last = np.where(self.clicks, np.arange(self.n_positions), -1).max(axis=1, initial=-1)
        return np.asarray(last, dtype=np.int64)

    def select(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Lists:
        """Return some of the lists, under the same numbering."""
        return Lists(self.pairs[rows], self.clicks[rows], self.numbering)

    def to_cells(self, circumstances: Circumstances | None = None) -> Cells:
        """Count impressions and clicks by pair, position, previous click, week and shard.

        Args:
            circumstances: Weeks and groups of people; none are told apart where it is left out.

        Example:
            >>> table = Pairs(np.array([0]), np.array(["q"], object), np.array(["a"], object))
            >>> cells = Lists(np.zeros((5, 1), int), np.eye(5, 1, dtype=bool), table).to_cells()
            >>> cells.n.tolist(), cells.clicks.tolist()
            ([5], [1])
        """
        known = circumstances or Circumstances()
        shown = self.is_shown
        row, position = np.nonzero(shown)
        week = np.zeros(len(self), dtype=np.int64) if known.week is None else known.week
        shard = np.zeros(len(self), dtype=np.int64) if known.shard is None else known.shard
        n_weeks = int(week.max(initial=0)) + 1
        k = max(self.n_positions, 1)
        # One whole number a cell, the click in its last bit: sorting it sorts cells, clicks last.
        key = (self.pairs[shown] * n_weeks + week[row]) * k + position
        key = key * (k + 1) + self.previous_clicks()[shown] + 1
        clicked = self.clicks[shown]
        group = shard[row] * clicked if known.is_clicked_only else shard[row]
        key = (key * known.n_shards + group) * 2 + clicked
        key.sort()
        return _to_cells(key, self.numbering, (k, n_weeks, known.n_shards))


def concatenate(parts: Iterable[Lists]) -> Lists:
    """Put lists of one numbering and one width after each other.

    Raises:
        TableError: There are none.
    """
    held = list(parts)
    if not held:
        raise TableError("there are no lists to put together", where="parts")
    pairs = np.concatenate([part.pairs for part in held])
    clicks = np.concatenate([part.clicks for part in held])
    return Lists(pairs, clicks, held[0].numbering)


def _to_cells(key: NDArray[np.int64], pairs: Pairs, shape: tuple[int, int, int]) -> Cells:
    """Count runs of equal sorted keys, and take the keys apart again."""
    k, n_weeks, n_shards = shape
    cell = key >> 1
    begins = np.flatnonzero(np.diff(cell, prepend=-1))
    n = np.diff(begins, append=cell.size)
    clicked = np.concatenate([[0], np.cumsum(key & 1)])
    clicks = clicked[begins + n] - clicked[begins]
    rest, shard = np.divmod(cell[begins], n_shards)
    rest, previous = np.divmod(rest, k + 1)
    rest, position = np.divmod(rest, k)
    pair, week = np.divmod(rest, n_weeks)
    return Cells(
        pair=pair,
        position=position.astype(np.int32),
        previous_click=(previous - 1).astype(np.int32),
        week=week.astype(np.int16),
        context=np.zeros(pair.size, dtype=np.int16),
        shard=shard.astype(np.int16),
        n=n.astype(np.int64),
        clicks=clicks.astype(np.int64),
        pairs=pairs,
        n_shards=n_shards,
    )
