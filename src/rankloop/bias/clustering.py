"""Errors of examination that allow for one person clicking many times.

Clicks of one person hang together: who scrolls far once does so again. People are put into groups
at random, and the spread of what the groups say stands for the spread of what other people would
have said:

    V = H⁻¹ (B / (B - 1) Σ_b s_b s_bᵀ) H⁻¹,   s_bk = c_bk - Σ_i C_bi π_ik

where s_b is what group b adds to the slope of the likelihood.

Source:
    Liang and Zeger, "Longitudinal Data Analysis Using Generalized Linear Models", Biometrika 1986.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.bias.newton import lay_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.harvesting import Grouped, Harvest
    from rankloop.bias.newton import Fit

MIN_GROUPS: Final = 16
"""Fewer groups with clicks say too little of their own spread."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How much groups of people differ about an estimate.

    Attributes:
        moves: `[n_shards, n_nodes]` float64: by how much each group moves each log examination; 0
            for groups without clicks.
        n_groups: How many groups have clicks.
        covariance: `[n_nodes, n_nodes]` float64 of log examination; 0 where it was not fitted.
    """

    moves: NDArray[np.float64]
    n_groups: int
    covariance: NDArray[np.float64]

    @property
    def is_clustered(self) -> bool:
        """Whether `covariance` allows for people; else each click is taken to be another's."""
        return self.n_groups >= MIN_GROUPS


def add_up(moves: NDArray[np.float64], n_groups: int) -> NDArray[np.float64]:
    """Turn the moves of groups, `[n_shards, n]`, into a covariance, `[n, n]`."""
    return np.asarray(n_groups / max(n_groups - 1, 1) * (moves.T @ moves))


def estimate_spread(
    grouped: Grouped, harvested: Harvest, fit: Fit, penalty: NDArray[np.float64] | None = None
) -> Spread:
    """Estimate the errors of a fit.

    Args:
        grouped: What was harvested, by group of people.
        harvested: What was harvested of the fitted nodes.
        fit: The fit.
        penalty: `[n_nodes, n_nodes]` precision of the prior that it was made with, or none; it
            counts as evidence of its own.
    """
    slope = grouped.by_node - _expect(grouped, harvested, fit)
    is_held = grouped.by_node.sum(axis=1) > 0
    n_groups = int(is_held.sum())
    slope[is_held] -= slope[is_held].sum(axis=0) / max(n_groups, 1)
    inverse = fit.invert(penalty)
    moves = slope @ inverse
    if n_groups < MIN_GROUPS:
        return Spread(moves, n_groups, inverse)
    prior = 0.0 if penalty is None else inverse @ penalty @ inverse
    return Spread(moves, n_groups, add_up(moves, n_groups) + prior)


def _expect(grouped: Grouped, harvested: Harvest, fit: Fit) -> NDArray[np.float64]:
    """Spread each group's clicks over the nodes as the fit expects them: `[n_shards, n_nodes]`."""
    expected = np.zeros_like(grouped.by_node)
    for effects, shares in lay_out(harvested, fit.beta):
        expected += grouped.by_effect[effects].T @ shares
    return expected
