"""Uncorrected positives: what people acted on where position cannot be taken out.

That people came back to a document for a query is evidence; that they did not is none, since
nobody knows what they looked at. So there are no hard negatives here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.training.sieves import Sieve

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_STRENGTH: Final = 10.0
"""Looks that the prior counts for where no log tells."""


def find_uncorrected(
    people: NDArray[np.int64],
    min_people: int,
    is_disliked: NDArray[np.bool_] | None = None,
) -> Sieve:
    """Keep the pairs that enough people acted on.

    Args:
        people: `[n]` int64, distinct people who acted on each pair.
        min_people: How many are enough, 1 or more.
        is_disliked: `[n]` bool, voted down or judged irrelevant.
    """
    sieve = Sieve(people > 0)
    sieve.remove("few_people", people < min_people)
    if is_disliked is not None:
        sieve.remove("disliked", is_disliked)
    return sieve


def weigh_actions(
    actions: NDArray[np.int64], strength: float = DEFAULT_STRENGTH
) -> NDArray[np.float64]:
    """Weigh pairs by their actions alone: C / (C + strength), in [0, 1).

    Whoever acted on a document had looked at it, so that C is the least number of looks, and this
    the least that E / (E + strength) can be.

    Example:
        >>> weigh_actions(np.array([0, 10, 30])).tolist()
        [0.0, 0.5, 0.75]
    """
    return np.asarray(actions / (actions + strength))
