"""A simple guard at the door: who does too much in an hour stops counting for the rest of it.

The derived tables flag robots for good; this holds until the counters are read from the store
again, which leaves out all of such an hour.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class HourGuard:
    """Counts what each person does in the current hour.

    Args:
        most: Events of a person in an hour that count.

    Example:
        >>> guard = HourGuard(most=2)
        >>> people, hours = np.array([7, 7, 8]), np.array([1, 1, 1])
        >>> guard.admit(people, hours).tolist(), guard.admit(people, hours).tolist()
        ([True, True, True], [False, False, True])
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._hour = 0
        self._counts: Counter[int] = Counter()

    def admit(self, people: NDArray[np.uint64], hours: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Count events, and say which of them belong to people who had not done too much before.

        Args:
            people: `[n]`, a hash of who it was.
            hours: `[n]`, hours since 1970; those before the latest known are let through.
        """
        is_admitted = np.ones(people.size, bool)
        if not people.size:
            return is_admitted
        if int(hours.max()) > self._hour:
            self._hour = int(hours.max())
            self._counts.clear()
        is_current = hours == self._hour
        different, places, numbers = np.unique(
            people[is_current], return_inverse=True, return_counts=True
        )
        before = []
        for person, number in zip(different.tolist(), numbers.tolist(), strict=True):
            before.append(self._counts[person])
            self._counts[person] += number
        is_admitted[is_current] = (np.array(before, np.int64) < self._most)[places]
        return is_admitted
