"""Sieves: candidates that rules take away one after the other, with a count of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rankloop.tables.pairs import Removal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Sieve:
    """Which candidates are left, and how many each rule took.

    A candidate that several rules would take is counted with the first.

    Attributes:
        left: `[n]` bool, True where a candidate is left.
        removals: The rules applied so far.

    Example:
        >>> import numpy as np
        >>> sieve = Sieve(np.array([True, True, False]))
        >>> sieve.remove("few_people", np.array([True, False, True]))
        >>> sieve.left.tolist(), sieve.removals[0].removed
        ([False, True, False], 1)
    """

    def __init__(self, candidates: NDArray[np.bool_]) -> None:
        self.left = candidates.copy()
        self.removals: list[Removal] = []

    def remove(self, rule: str, is_removed: NDArray[np.bool_]) -> None:
        """Take away what a rule names."""
        taken = int((self.left & is_removed).sum())
        self.left &= ~is_removed
        self.removals.append(Removal(rule, taken))
