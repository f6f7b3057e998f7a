"""Examination of sparse ranks, drawn towards a power law of the rank.

Log examination is taken to be scattered around a line in the logarithm of the rank,

    β_k ~ Normal(-η log k, τ²),

with η free and τ such that the clicks are most probable, but never under 0.05. Ranks with many
clicks go their own way; those with few follow the line. Where there are clicks enough for each rank
to be fitted by itself, `steady` draws the fitted values to the line; elsewhere `shrink` fits both
at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import minimize_scalar

from rankloop.bias.newton import build_basis, maximize, measure_likelihood

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.harvesting import Harvest
    from rankloop.bias.newton import Fit

SCATTERS: Final = (1.6, 0.8, 0.4, 0.2, 0.1, 0.05)
"""The τ that are tried where clicks are few, from the widest.

The least lets a rank lie 5% off the line, which a power law of real lists does at best.
"""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A fit that follows a power law where clicks are few.

    Attributes:
        fit: The fit; its information leaves the prior out.
        penalty: `[n_nodes, n_nodes]` float64, precision of the prior.
        eta: The power law's exponent.
        tau: How far ranks scatter around it, in logarithms.
    """

    fit: Fit
    penalty: NDArray[np.float64]
    eta: float
    tau: float


def shrink(
    harvested: Harvest, is_fitted: NDArray[np.bool_], log_rank: NDArray[np.float64]
) -> Shrunk:
    """Fit examination with a prior whose width the clicks choose.

    Args:
        harvested: What was shown at several of the nodes, and nothing else.
        is_fitted: `[n_nodes]` bool, nodes that hang together with the first.
        log_rank: `[n_nodes]` float64, the (mean) logarithm of each node's rank; 0 at the first.
    """
    basis = build_basis(is_fitted)
    line = np.where(is_fitted, log_rank, 0.0)
    # The prior leaves the direction of the power law alone.
    across = basis @ basis.T - np.outer(line, line) / (line @ line)
    tried: list[tuple[float, Shrunk]] = []
    start: NDArray[np.float64] | None = None
    for tau in SCATTERS:
        penalty = across / tau**2
        fit = maximize(harvested, basis, penalty, start)
        start = fit.beta
        eta = float(-(line @ fit.beta) / (line @ line))
        likelihood = measure_likelihood(harvested, fit.beta)
        tried.append((likelihood - _weigh(fit, penalty, tau), Shrunk(fit, penalty, eta, tau)))
    return max(tried, key=lambda entry: entry[0])[1]


def _weigh(fit: Fit, penalty: NDArray[np.float64], tau: float) -> float:
    """Compute what the marginal likelihood's logarithm lacks of the likelihood's, by Laplace."""
    n_scattered = fit.basis.shape[1] - 1
    deviation = float((penalty @ fit.beta) @ fit.beta)
    bend = fit.basis.T @ (fit.information + penalty) @ fit.basis
    log_determinant = float(np.linalg.slogdet(bend)[1])
    return float(0.5 * (deviation + log_determinant) + n_scattered * np.log(tau))


@dataclass(frozen=True, slots=True)
class Steadied:
    """Fitted values after they were drawn to a power law.

    Attributes:
        beta: `[n]` float64, log examination.
        covariance: `[n, n]` float64 of it.
        tau: How far ranks scatter around the line, in logarithms.
    """

    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    tau: float


def steady(
    beta: NDArray[np.float64], covariance: NDArray[np.float64], log_rank: NDArray[np.float64]
) -> Steadied:
    """Draw fitted values to the power law that they lie around.

    Values are taken to be normal around the truth, and the truth around the line. How far the
    truth scatters is what makes the values most probable, the line's slope being integrated out.

    Args:
        beta: `[n]` fitted log examination, without the first node; three or more.
        covariance: `[n, n]` of it, people allowed for.
        log_rank: `[n]` logarithm of each node's rank, above 0.

    Example:
        >>> line = np.log([2.0, 3.0, 4.0])
        >>> steady(-line, 0.01 * np.eye(3), line).tau
        0.05
        >>> steady(np.array([-3.0, 0.0, -2.0]), 0.0001 * np.eye(3), line).beta.round(2)
        array([-3.,  0., -2.])
    """

    def measure(log_tau: float) -> float:
        """Compute minus the logarithm of the marginal likelihood."""
        spread = covariance + np.exp(2.0 * log_tau) * np.eye(beta.size)
        inverse = np.linalg.inv(spread)
        along = float(log_rank @ inverse @ log_rank)
        rest = beta - log_rank * float(log_rank @ inverse @ beta) / along
        return float(np.linalg.slogdet(spread)[1] + np.log(along) + rest @ inverse @ rest) / 2.0

    bounds = (float(np.log(SCATTERS[-1])), float(np.log(2 * SCATTERS[0])))
    found = float(minimize_scalar(measure, bounds=bounds, method="bounded").x)
    # The search stops short of its bounds.
    log_tau = bounds[0] if measure(bounds[0]) <= measure(found) else found
    across = np.eye(beta.size) - np.outer(log_rank, log_rank) / (log_rank @ log_rank)
    precision = np.linalg.inv(covariance)
    drawn = np.linalg.inv(precision + across * np.exp(-2.0 * log_tau))
    return Steadied(drawn @ (precision @ beta), drawn, float(np.exp(log_tau)))
