"""The funnel behind a click: satisfied, cart, purchase; each step shrunk, then weighted."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from rankloop.errors import SettingsError, TableError
from rankloop.training.strengths import fit_beta_strength

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FunnelWeights:
    """What each step is worth: a choice of the business, applied whenever labels are read.

    Example:
        >>> FunnelWeights(cart=-1)
        Traceback (most recent call last):
        rankloop.errors.SettingsError: the weight of cart is -1, a number of 0 or more is needed
    """

    click: float = 1.0
    """Of a click itself, 0 or more."""

    satisfied: float = 1.0
    """Of a click that held, 0 or more."""

    cart: float = 3.0
    """Of a click that led into the cart, 0 or more."""

    purchase: float = 10.0
    """Of a click that led to a purchase, 0 or more."""

    def __post_init__(self) -> None:
        weights = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, weight in weights.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise SettingsError(
                    f"the weight of {name} is {weight}, a number of 0 or more is needed",
                    where=f"weights.{name}",
                )
        if not any(weights.values()):
            raise SettingsError("every weight is 0, so every label would be", where="weights")


@dataclass(frozen=True, slots=True)
class FunnelCounts:
    """How many clicked impressions of each pair led further; every array is `[n_pairs]` int64.

    Attributes:
        clicks: Clicked impressions.
        satisfied: Of those, clicks that held the person.
        carts: Of those, that led into the cart.
        purchases: Of those, that led to a purchase.
    """

    clicks: NDArray[np.int64]
    satisfied: NDArray[np.int64]
    carts: NDArray[np.int64]
    purchases: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name in ("satisfied", "carts", "purchases"):
            counts = getattr(self, name)
            if np.any(counts > self.clicks) or np.any(counts < 0):
                raise TableError(f"a pair has more {name} than clicks", where=name)


def estimate_worth(counts: FunnelCounts, weights: FunnelWeights) -> NDArray[np.float64]:
    """Say what a click on each pair is worth, from what followed its clicks.

        worth = w_click + sum over steps s of w_s P(s | click)

    Each probability is a Beta-binomial posterior mean around the share over all pairs, so that
    one purchase after one click does not make a pair the best of all.

    Returns:
        `[n_pairs]` float64, 0 or more.

    Example:
        >>> counts = FunnelCounts(*(np.array([n]) for n in (10, 0, 0, 10)))
        >>> estimate_worth(counts, FunnelWeights(click=1, satisfied=0, cart=0, purchase=2))
        array([3.])
    """
    worth = np.full(counts.clicks.size, float(weights.click))
    steps = (
        (weights.satisfied, counts.satisfied),
        (weights.cart, counts.carts),
        (weights.purchase, counts.purchases),
    )
    for weight, hits in steps:
        if weight:
            worth += weight * shrink_shares(hits, counts.clicks)
    return worth


def shrink_shares(
    hits: NDArray[np.int64], tries: NDArray[np.int64], least_strength: float = 0.0
) -> NDArray[np.float64]:
    """Estimate the share of hits of each group, the more like all the fewer its tries.

    Args:
        hits: `[n]` int64, at most `tries`.
        tries: `[n]` int64.
        least_strength: Tries that the share over all counts for at least.

    Returns:
        `[n]` float64 in [0, 1]; where all or none are hits over all groups, that.
    """
    mean = hits.sum() / max(tries.sum(), 1)
    if mean in (0.0, 1.0):
        return np.full(hits.size, mean)
    strength = max(fit_beta_strength(hits, tries, mean), least_strength)
    return np.asarray((hits + mean * strength) / (tries + strength))
