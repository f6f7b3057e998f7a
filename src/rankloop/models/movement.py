"""The safety rule: what people have hardly looked at may not climb far, whatever a model says.

The order that serves today is a place of trust. A document may move down as far as others pass it,
and up as far as it is proven: its rank may fall by at most m, which depends on how often people
looked at the document, whatever they had asked for, not on any model of their clicks.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.errors import SettingsError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MovementConfig:
    """How far documents may move up."""

    proven: float = 10.0
    """Looks from which on a document may move as far as its score takes it."""

    seen: float = 3.0
    """Looks from which on it may move `seen_ranks`."""

    seen_ranks: int = 3
    """Ranks that a document with few looks may move up, 0 or more."""

    unseen_ranks: int = 1
    """Ranks that a document with fewer, or none, may move up, 0 or more."""

    def __post_init__(self) -> None:
        if not 0 < self.seen <= self.proven:
            raise SettingsError("seen must be above 0 and at most proven", where="seen")
        if not 0 <= self.unseen_ranks <= self.seen_ranks:
            raise SettingsError(
                "unseen_ranks must be 0 or more and at most seen_ranks", where="unseen_ranks"
            )


def limit_moves(
    scores: NDArray[np.float64],
    examinations: NDArray[np.float64],
    config: MovementConfig | None = None,
) -> NDArray[np.int64]:
    """Order documents by score, none higher than the looks at it allow.

    A document of rank r that may move up m ranks takes no rank before r - m. Rank by rank, from
    the top, the best of those that may stand there takes it; so the order is the one by score
    wherever that breaks no limit, and of all orders within the limits it has the best first, then
    the best second, and so on.

    Args:
        scores: `[n]` float64, higher for better, in the order that serves today. Equal scores
            keep that order, and so do those that are NaN, behind all others.
        examinations: `[n]` float64, how often people looked at each document for whatever query,
            in looks at position 0; NaN counts as never.
        config: The limits.

    Returns:
        `[n]` int64, which document takes each position: the first is at position 0.

    Raises:
        TableError: There are not as many examinations as scores.

    Source: The order that serves as a region of trust: Gupta, Oosterhuis and de Rijke, Safe
        Deployment for Counterfactual Learning to Rank with Exposure-Based Risk Minimization,
        SIGIR 2023; that safety must not depend on a click model: the same, Practical and Robust
        Safety Guarantees for Advanced Counterfactual Learning to Rank, CIKM 2024.

    Example:
        >>> scores = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
        >>> limit_moves(scores, np.full(5, 10.0)).tolist()  # all are proven
        [4, 3, 2, 1, 0]
        >>> limit_moves(scores, np.array([10.0, 10, 10, 10, 0])).tolist()  # the last is not
        [3, 2, 1, 4, 0]
    """
    config = config or MovementConfig()
    if scores.shape != examinations.shape:
        raise TableError(
            f"scores are {scores.shape} but examinations are {examinations.shape}",
            where="examinations",
        )
    n = scores.size
    limits = np.full(n, config.unseen_ranks)
    limits[examinations >= config.seen] = config.seen_ranks
    limits[examinations >= config.proven] = n
    first = np.maximum(np.arange(n) - limits, 0)
    order = np.argsort(-scores, kind="stable")
    if bool((np.arange(n) >= first[order]).all()):
        return order
    return _place(order, first)


def _place(order: NDArray[np.int64], first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fill position by position with the best that may stand there.

    One always may: of the first p + 1 documents, which may all stand at position p, at most p
    have a place already.
    """
    preference = np.empty_like(order)
    preference[order] = np.arange(order.size)
    released: list[list[int]] = [[] for _ in range(order.size)]
    for document, position in enumerate(first.tolist()):
        released[position].append(int(preference[document]))
    waiting: list[int] = []
    placed = []
    for position in range(order.size):
        for candidate in released[position]:
            heapq.heappush(waiting, candidate)
        placed.append(heapq.heappop(waiting))
    return order[np.array(placed, dtype=np.int64)]
