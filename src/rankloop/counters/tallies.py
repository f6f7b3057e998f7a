"""Counts by a packed number, in sorted arrays that are never changed in place.

A tally is two arrays, keys in ascending order and a count for each. New counts come as a small
tally of their own, and tallies of about one size are merged, so that an addition costs little and
a reader looks into a handful of arrays. Who holds the tallies of a moment may go on reading them
while others come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

HOUR_BITS: Final = 20
"""Hours since 1970 up to 2089."""

MASK_BITS: Final = 12
"""Different sets of types that are told apart, see `registers.Masks`."""

_FAN: Final = 8
"""How much larger than the next a tally must be to stay by itself."""


def pack(slots: Ints, hours: Ints, masks: Ints) -> Ints:
    """Write slot, hour and number of a set of types into one key that sorts in this order.

    Example:
        >>> key = pack(np.array([5]), np.array([490_908]), np.array([3]))
        >>> [int(part[0]) for part in unpack(key)]
        [5, 490908, 3]
    """
    return slots << (HOUR_BITS + MASK_BITS) | hours << MASK_BITS | masks


def unpack(keys: Ints) -> tuple[Ints, Ints, Ints]:
    """Read slot, hour and number of a set of types from keys."""
    hours = keys >> MASK_BITS & ((1 << HOUR_BITS) - 1)
    return keys >> (HOUR_BITS + MASK_BITS), hours, keys & ((1 << MASK_BITS) - 1)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts by key.

    Attributes:
        keys: `[n]` int64, ascending, each once.
        counts: `[n]` float64.
    """

    keys: Ints
    counts: Floats

    @classmethod
    def sum_up(cls, keys: Ints, counts: Floats) -> Tally:
        """Add what has the same key, and leave out what comes to 0."""
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
        sums = np.add.reduceat(counts[order], starts) if keys.size else counts
        is_left = sums != 0
        return cls(keys[starts][is_left], sums[is_left])

    @property
    def n_bytes(self) -> int:
        """Bytes of both arrays."""
        return self.keys.nbytes + self.counts.nbytes


@dataclass(frozen=True, slots=True)
class Rows:
    """What was found in several ranges of keys.

    Attributes:
        owners: `[n]` int64, the place of the range.
        keys: `[n]` int64.
        counts: `[n]` float64; may be negative where a later row takes back a part.
    """

    owners: Ints
    keys: Ints
    counts: Floats


@dataclass(frozen=True, slots=True)
class Tallies:
    """Counts by key that grow.

    Example:
        >>> tallies = Tallies().added(np.array([7, 7, 9]), np.array([1.0, 1.0, 5.0]))
        >>> tallies = tallies.added(np.array([9]), np.array([-2.0]))
        >>> rows = tallies.find(np.array([7, 9]), np.array([8, 10]))
        >>> np.bincount(rows.owners, rows.counts).tolist()
        [2.0, 3.0]
    """

    levels: tuple[Tally, ...] = ()
    """The largest first; the last holds what came last."""

    def added(self, keys: Ints, counts: Floats) -> Tallies:
        """Return tallies with these counts added; a key may stand several times."""
        if not keys.size:
            return self
        levels = [*self.levels, Tally.sum_up(keys, counts)]
        while len(levels) > 1 and levels[-2].keys.size < _FAN * levels[-1].keys.size:
            last, previous = levels.pop(), levels.pop()
            levels.append(
                Tally.sum_up(
                    np.concatenate((previous.keys, last.keys)),
                    np.concatenate((previous.counts, last.counts)),
                )
            )
        return Tallies(tuple(levels))

    def since(self, hour: int) -> Tallies:
        """Return tallies in one piece, without the hours before; keys are those of `pack`."""
        whole = Tally.sum_up(
            np.concatenate([level.keys for level in self.levels]),
            np.concatenate([level.counts for level in self.levels]),
        )
        is_kept = unpack(whole.keys)[1] >= hour
        return Tallies((Tally(whole.keys[is_kept], whole.counts[is_kept]),))

    def find(self, lows: Ints, highs: Ints) -> Rows:
        """Find what lies in ranges of keys.

        Args:
            lows: `[n_ranges]`, the first key of each range.
            highs: `[n_ranges]`, the first key behind it.
        """
        found = [_find(level, lows, highs) for level in self.levels]
        found = [rows for rows in found if rows.keys.size]
        if len(found) == 1:
            return found[0]
        if not found:
            return Rows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        return Rows(
            np.concatenate([rows.owners for rows in found]),
            np.concatenate([rows.keys for rows in found]),
            np.concatenate([rows.counts for rows in found]),
        )

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return sum(level.keys.size for level in self.levels)

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(level.n_bytes for level in self.levels)


def _find(level: Tally, lows: Ints, highs: Ints) -> Rows:
    """Find ranges in one tally."""
    first = np.searchsorted(level.keys, lows)
    sizes = np.searchsorted(level.keys, highs) - first
    # Places of all rows of all ranges, one range after the other.
    ends = np.cumsum(sizes)
    places = np.arange(int(ends[-1]) if ends.size else 0) + np.repeat(first - ends + sizes, sizes)
    return Rows(np.repeat(np.arange(lows.size), sizes), level.keys[places], level.counts[places])
