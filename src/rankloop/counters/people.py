"""One count a person, document and day, whatever comes again or comes late.

What a person did with a document on a day is one row: every type it was done with, and the first
hour of any. Another click changes nothing; a purchase after the click changes the set of types, so
that the count of the one set falls and that of the other rises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Keys = NDArray[np.uint64]

_FAN: Final = 8


@dataclass(frozen=True, slots=True)
class Deeds:
    """What people did with documents, one row a deed; every array is `[n]`.

    Attributes:
        slots: int64, the document.
        people: uint64, a hash of who it was.
        hours: int64, hours since 1970.
        masks: int64, one bit a type.
    """

    slots: Ints
    people: Keys
    hours: Ints
    masks: Ints

    @property
    def keys(self) -> Keys:
        """A hash of person, document and day."""
        return _mix(
            _mix(self.people ^ _mix(self.slots.astype(np.uint64)))
            + (self.hours // 24).astype(np.uint64)
        )


@dataclass(frozen=True, slots=True)
class Change:
    """How counts change; every array is `[n]`, and each row is one count by `amounts`."""

    slots: Ints
    hours: Ints
    masks: Ints
    amounts: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Known:
    """Rows by key, ascending, each key once."""

    keys: Keys
    hours: Ints
    masks: Ints


@dataclass(frozen=True, slots=True)
class PersonDays:
    """What each person did with each document on each day.

    Example:
        >>> def deed(hour, mask):
        ...     return Deeds(*(np.array([n]) for n in (0, np.uint64(7), hour, mask)))
        >>> clicked, change = PersonDays().noted(deed(hour=34, mask=2))
        >>> change.amounts.tolist()
        [1.0]
        >>> again, change = clicked.noted(deed(hour=35, mask=2))
        >>> change.amounts.tolist()
        []
        >>> bought, change = again.noted(deed(hour=36, mask=8))
        >>> list(zip(change.hours.tolist(), change.masks.tolist(), change.amounts.tolist()))
        [(34, 2, -1.0), (34, 10, 1.0)]
    """

    levels: tuple[_Known, ...] = ()
    """The largest first; what stands in a later one replaces what stands before."""

    def noted(self, deeds: Deeds) -> tuple[PersonDays, Change]:
        """Note deeds, and say how the counts change."""
        if not deeds.slots.size:
            none = np.empty(0, np.int64)
            return self, Change(none, none, none, np.empty(0))
        keys = deeds.keys
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        keys = keys[starts]
        slots = deeds.slots[order][starts]
        hours, masks, is_known = self._find(keys)
        new_masks = masks | np.bitwise_or.reduceat(deeds.masks[order], starts)
        new_hours = np.minimum.reduceat(deeds.hours[order], starts)
        new_hours = np.where(is_known, np.minimum(hours, new_hours), new_hours)
        is_new = (new_masks != masks) | (new_hours != hours) | ~is_known
        is_moved = is_new & is_known
        change = Change(
            np.concatenate((slots[is_moved], slots[is_new])),
            np.concatenate((hours[is_moved], new_hours[is_new])),
            np.concatenate((masks[is_moved], new_masks[is_new])),
            np.repeat((-1.0, 1.0), (int(is_moved.sum()), int(is_new.sum()))),
        )
        return self._with(_Known(keys[is_new], new_hours[is_new], new_masks[is_new])), change

    def since(self, day: int) -> PersonDays:
        """Return the same without the days before; days since 1970."""
        levels = []
        for level in self.levels:
            is_kept = level.hours >= 24 * day
            levels.append(_Known(level.keys[is_kept], level.hours[is_kept], level.masks[is_kept]))
        return PersonDays(tuple(levels))

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return sum(level.keys.size for level in self.levels)

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(
            level.keys.nbytes + level.hours.nbytes + level.masks.nbytes for level in self.levels
        )

    def _find(self, keys: Keys) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """Return hours and masks by key, and whether the key is known."""
        hours = np.zeros(keys.size, np.int64)
        masks = np.zeros(keys.size, np.int64)
        is_known = np.zeros(keys.size, bool)
        for level in self.levels:
            if not level.keys.size:
                continue
            places = np.minimum(np.searchsorted(level.keys, keys), level.keys.size - 1)
            is_here = level.keys[places] == keys
            hours[is_here] = level.hours[places[is_here]]
            masks[is_here] = level.masks[places[is_here]]
            is_known |= is_here
        return hours, masks, is_known

    def _with(self, known: _Known) -> PersonDays:
        """Return the same with one level more, merged with those of about its size."""
        if not known.keys.size:
            return self
        levels = [*self.levels, known]
        while len(levels) > 1 and levels[-2].keys.size < _FAN * levels[-1].keys.size:
            later, earlier = levels.pop(), levels.pop()
            levels.append(_merge(earlier, later))
        return PersonDays(tuple(levels))


def _merge(earlier: _Known, later: _Known) -> _Known:
    """Put two levels together; what stands in both is as the later says."""
    keys = np.concatenate((later.keys, earlier.keys))
    hours = np.concatenate((later.hours, earlier.hours))
    masks = np.concatenate((later.masks, earlier.masks))
    different, places = np.unique(keys, return_index=True)
    return _Known(different, hours[places], masks[places])


def _mix(numbers: Keys) -> Keys:
    """Spread 64 bits evenly (the finalizer of SplitMix64)."""
    mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)
