"""Drift: does attraction change from week to week, and the ranking with it?

Where documents rise because people have come to like them, a pair's clicks at its new place are
more for two reasons, and the place gets the credit of both. Within one week little changes. So
examination is estimated twice, with attraction free by pair and free by pair and week, and the
two are compared, group of people by group of people, since they rest on the same clicks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy.special import ndtri

from rankloop.bias.clustering import add_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.curves import Curve

MAX_COST: Final = 0.5
"""Largest share of the information that weeks may cost before pairs alone are preferred."""

LEVEL: Final = 0.05
"""Chance that any rank is said to drift where none does."""

DriftStatus = Literal["none", "found", "unchecked"]
"""Whether estimates by pair and by pair and week agree, or could not be compared."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How examination by pair differs from examination by pair and week.

    Attributes:
        status: Whether they differ by more than chance; `unchecked` where there is only one week,
            or where weeks cost more than half of the information.
        difference: `[n_nodes]` float64, log examination by pair and week minus that by pair; NaN
            where either is not identified.
        std_error: `[n_nodes]` float64 of the difference.
        cost: Share of the swap information that telling weeks apart loses, in [0, 1].
    """

    status: DriftStatus
    difference: NDArray[np.float64]
    std_error: NDArray[np.float64]
    cost: float

    @classmethod
    def unchecked(cls, n_nodes: int) -> Drift:
        """Return the drift of a log that has one week."""
        nothing = np.full(n_nodes, np.nan)
        return cls("unchecked", nothing, nothing, 0.0)

    @property
    def worst(self) -> float:
        """The largest difference in standard errors; 0 where nothing was compared."""
        z = np.abs(self.difference[1:]) / self.std_error[1:]
        return float(np.nanmax(z)) if np.isfinite(z).any() else 0.0


def compare_weeks(pair: Curve, week: Curve) -> Drift:
    """Compare examination by pair with that by pair and week.

    They differ where any rank does by more standard errors than the largest of that many would in
    one log of twenty without drift, which is never fewer than two.
    """
    difference = week.fitted - pair.fitted
    std_error = _estimate_error(pair, week)
    cost = 1.0 - min(week.swap_information / max(pair.swap_information, 1e-300), 1.0)
    n_compared = int(np.isfinite(difference[1:]).sum())
    drift = Drift("unchecked", difference, std_error, cost)
    if not n_compared:
        return drift
    bound = max(-float(ndtri(LEVEL / 2 / n_compared)), 2.0)
    if drift.worst > bound:
        return Drift("found", difference, std_error, cost)
    return drift if cost > MAX_COST else Drift("none", difference, std_error, cost)


def _estimate_error(pair: Curve, week: Curve) -> NDArray[np.float64]:
    """Estimate the error of the difference; both rest on the same clicks."""
    both = pair.is_identified & week.is_identified
    if pair.spread.is_clustered and week.spread.is_clustered:
        moves = week.spread.moves - pair.spread.moves
        variance = np.diag(add_up(moves, pair.spread.n_groups))
    else:
        # By pair is efficient where nothing drifts, so the variances subtract.
        variance = np.abs(np.diag(week.spread.covariance) - np.diag(pair.spread.covariance))
    return np.where(both, np.sqrt(variance), np.nan)
