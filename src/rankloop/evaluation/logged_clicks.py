"""What a log says of rankings that were not shown: clicks by place and people, and examination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from rankloop.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LoggedClicks:
    """Impressions and clicks of a log, by pair, position and group of people.

    Attributes:
        query: `[n_pairs]` int64, the query of each pair, from 0. Pairs that were never shown, but
            that a ranking would show, stand here too.
        pair: `[n_entries]` int64, the pair of an entry.
        position: `[n_entries]` int64, where it stood, from 0. What stood at position 0 counts the
            searches.
        shard: `[n_entries]` int64, the group of people of an entry, from 0.
        n: `[n_entries]` float64, impressions.
        clicks: `[n_entries]` float64, those that were clicked.

    Raises:
        TableError: Columns differ in length, or an entry is of no pair.
    """

    query: NDArray[np.int64]
    pair: NDArray[np.int64]
    position: NDArray[np.int64]
    shard: NDArray[np.int64]
    n: NDArray[np.float64]
    clicks: NDArray[np.float64]

    def __post_init__(self) -> None:
        columns = (self.pair, self.position, self.shard, self.n, self.clicks)
        if len({column.shape for column in columns}) > 1:
            raise TableError("the columns of entries differ in length", where="clicks")
        if self.pair.size and not 0 <= self.pair.min() <= self.pair.max() < self.query.size:
            raise TableError("an entry is of no pair", where="pair")

    @property
    def n_pairs(self) -> int:
        """How many pairs there are."""
        return int(self.query.size)

    @property
    def n_queries(self) -> int:
        """How many queries there are."""
        return int(self.query.max()) + 1 if self.query.size else 0

    @property
    def searches(self) -> NDArray[np.float64]:
        """`[n_queries]` float64, how often each query was asked."""
        first = self.position == 0
        counted = np.bincount(self.query[self.pair[first]], self.n[first], self.n_queries)
        return counted.astype(np.float64, copy=False)

    @property
    def groups(self) -> NDArray[np.int64]:
        """The groups of people that searched, ascending."""
        return np.unique(self.shard[(self.position == 0) & (self.n > 0)])


@dataclass(frozen=True, slots=True)
class Examination:
    """How likely each position is looked at, and what each group of people does to that.

    Attributes:
        curve: `[n_positions]` float64, relative to position 0; 0 where it is not known, so that
            what stood there counts for nothing.
        without: `[n_shards, n_positions]` float64, the same without one group of people, so that
            errors allow for the curve's own.
    """

    curve: NDArray[np.float64]
    without: NDArray[np.float64]

    @classmethod
    def known(cls, curve: NDArray[np.float64], n_shards: int) -> Self:
        """Take a curve as given, whoever is left out.

        Example:
            >>> Examination.known(np.array([1.0, np.nan]), 2).without.tolist()
            [[1.0, 0.0], [1.0, 0.0]]
        """
        filled = np.nan_to_num(curve, nan=0.0)
        return cls(filled, np.tile(filled, (n_shards, 1)))

    @classmethod
    def from_moves(cls, curve: NDArray[np.float64], moves: NDArray[np.float64]) -> Self:
        """Leave groups out by one Newton step each.

        Without group b, of B, the slope of the likelihood is minus the group's own, and its
        curvature less by a Bth: log examination moves by -B / (B - 1) of the group's move.

        Args:
            curve: `[n_positions]` float64, NaN where it is not known.
            moves: `[n_shards, n_positions]` float64, by how much each group moves the logarithm.

        Source: Efron, The Jackknife, the Bootstrap and Other Resampling Plans, SIAM 1982, ch. 6.

        Example:
            >>> moves = np.log([[1.0, 2.0], [1.0, 0.5]])
            >>> Examination.from_moves(np.array([1.0, 0.4]), moves).without.round(2).tolist()
            [[1.0, 0.1], [1.0, 1.6]]
        """
        n = max(moves.shape[0], 2)
        left = curve * np.exp(-np.nan_to_num(moves, nan=0.0) * n / (n - 1))
        return cls(np.nan_to_num(curve, nan=0.0), np.nan_to_num(left, nan=0.0))


@dataclass(frozen=True, slots=True)
class Guess:
    """What to expect of each pair before its own clicks, and how far to trust it.

    Attributes:
        mean: `[n_pairs]` float64 above 0, the attraction expected of each pair; fitted without the
            clicks of its own query.
        strength: Looks that the guess counts for, above 0: attractions scatter around it with
            variance `mean / strength`.
    """

    mean: NDArray[np.float64]
    strength: float

    def __post_init__(self) -> None:
        if not bool((self.mean > 0).all()) or not self.strength > 0:
            raise TableError("a guess and its strength must be above 0", where="guess")


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a ranking puts pairs; every array is `[n_placed]`.

    Attributes:
        pair: int64, which pair.
        position: int64, where it stands, from 0.
        share: float64 in (0, 1], in which share of its query's searches.
    """

    pair: NDArray[np.int64]
    position: NDArray[np.int64]
    share: NDArray[np.float64]

    @classmethod
    def fixed(cls, positions: NDArray[np.int64]) -> Self:
        """Place each pair where a ranking always puts it.

        Args:
            positions: `[n_pairs]` int64, from 0; -1 where the ranking does not show it.
        """
        pair = np.flatnonzero(positions >= 0)
        return cls(pair, positions[pair], np.ones(pair.size))

    @classmethod
    def logged(cls, logged: LoggedClicks) -> Self:
        """Place pairs as the log did, each place in its share of the searches."""
        searches = np.maximum(logged.searches, 1.0)[logged.query[logged.pair]]
        return cls(logged.pair, logged.position, logged.n / searches)

    def weigh(self, curve: NDArray[np.float64], n_pairs: int) -> NDArray[np.float64]:
        """Return what a curve by position gives each pair; nothing past its end.

        Example:
            >>> placed = Placement.fixed(np.array([1, -1, 0, 7]))
            >>> placed.weigh(np.array([1.0, 0.5]), 4).tolist()
            [0.5, 0.0, 1.0, 0.0]
        """
        used = self.position < curve.size
        weights = self.share[used] * curve[self.position[used]]
        return np.bincount(self.pair[used], weights, n_pairs).astype(np.float64, copy=False)
