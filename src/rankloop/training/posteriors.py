"""Posteriors of attraction: what clicks leave us to believe about each pair.

Clicks at few looks are drawn from a Poisson law, which forgets that no look is clicked twice.
Where clicks are frequent that matters, and the exact law is summed over a grid instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import gammaincc, gammaincinv

from rankloop.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.training.evidence import Evidence

GRID_POINTS: Final = 64
"""Points of attraction on which an exact posterior is held."""

FREQUENT: Final = 0.3
"""Click rate above which the exact law replaces the Poisson law; there they part by over 2%."""

_TAIL: Final = 1e-7
"""Probability left outside the grid, at either end."""

_MOST_RATE: Final = 1.0 - 1e-9


@dataclass(frozen=True, slots=True)
class Posteriors:
    """Gamma(shape, rate) for most pairs, and a grid for those that are clicked often.

    Attributes:
        shape: `[n_pairs]` float64 above 0.
        rate: `[n_pairs]` float64 above 0, in looks at position 0.
        exact: `[n_exact]` int64, places of the pairs held on a grid, ascending.
        points: `[n_exact, 64]` float64, attraction at the middle of each step of the grid.
        mass: `[n_exact, 64]` float64, probability of each step; rows sum to 1.
    """

    shape: NDArray[np.float64]
    rate: NDArray[np.float64]
    exact: NDArray[np.int64]
    points: NDArray[np.float64]
    mass: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Expected attraction of each pair, `[n_pairs]`."""
        mean: NDArray[np.float64] = self.shape / self.rate
        mean[self.exact] = (self.points * self.mass).sum(axis=1)
        return mean

    def quantile(self, share: float) -> NDArray[np.float64]:
        """Return the attraction that each pair stays below with a probability.

        Args:
            share: The probability, in (0, 1).

        Returns:
            `[n_pairs]` float64.

        Example:
            >>> made = build_posteriors(np.ones(1), np.full(1, 10.0))
            >>> made.quantile(0.95).round(2)  # the rule of three: about 3 / looks
            array([0.3])
        """
        value: NDArray[np.float64] = gammaincinv(self.shape, share) / self.rate
        if self.exact.size:
            value[self.exact] = self._grid_quantile(share)
        return value

    def probability_above(self, threshold: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability that each pair's attraction exceeds its threshold.

        Args:
            threshold: `[n_pairs]` float64, 0 or more.

        Returns:
            `[n_pairs]` float64 in [0, 1].
        """
        above: NDArray[np.float64] = gammaincc(self.shape, self.rate * threshold)
        if self.exact.size:
            step = self.points[:, 1:2] - self.points[:, :1]
            over = (self.points - threshold[self.exact, None]) / step + 0.5
            above[self.exact] = (self.mass * np.clip(over, 0.0, 1.0)).sum(axis=1)
        return above

    def _grid_quantile(self, share: float) -> NDArray[np.float64]:
        """Read a quantile off each grid, straight within a step."""
        below = np.cumsum(self.mass, axis=1)
        place = np.minimum((below < share).sum(axis=1), GRID_POINTS - 1)
        row = np.arange(place.size)
        mass = self.mass[row, place]
        within = (share - (below[row, place] - mass)) / np.where(mass > 0, mass, 1.0)
        step = self.points[:, 1] - self.points[:, 0]
        edge = self.points[row, place] - step / 2
        return np.asarray(edge + step * np.clip(within, 0.0, 1.0))


def build_posteriors(shape: NDArray[np.float64], rate: NDArray[np.float64]) -> Posteriors:
    """Make posteriors that are Gamma for every pair.

    Raises:
        TableError: A shape or a rate is not a number above 0.
    """
    if not (np.all(shape > 0) and np.all(rate > 0) and np.all(np.isfinite(shape + rate))):
        raise TableError("a shape or a rate is not a number above 0", where="shape")
    none = np.empty((0, GRID_POINTS))
    return Posteriors(shape, rate, np.empty(0, np.int64), none, none)


def refine_frequent(
    posteriors: Posteriors,
    evidence: Evidence,
    prior_shape: NDArray[np.float64],
    prior_rate: float,
) -> Posteriors:
    """Hold the pairs that are clicked often on a grid, under the exact law.

        p(alpha) ~ alpha^(shape-1) exp(-rate alpha)
                   * prod_k (theta_k alpha)^c_k (1 - theta_k alpha)^(n_k - c_k)

    The grid reaches over all but 2e-7 of the Gamma posterior, which is the wider of the two, and
    ends where some position would be clicked for certain.

    Args:
        posteriors: Gamma posteriors of every pair.
        evidence: What they were made from.
        prior_shape: `[n_pairs]` float64, shape of each pair's Gamma prior.
        prior_rate: Its rate.

    Returns:
        The same pairs; those whose expected click rate at their best position exceeds 0.3 exact.
    """
    most = evidence.most_examination
    exact = np.flatnonzero(posteriors.mean * most > FREQUENT)
    if not exact.size:
        return posteriors
    points = _span_grid(posteriors.shape[exact], posteriors.rate[exact], _MOST_RATE / most[exact])
    logs = (prior_shape[exact, None] - 1) * np.log(points) - prior_rate * points
    place = np.full(most.size, -1)
    place[exact] = np.arange(exact.size)
    placed = evidence.placed
    used = np.flatnonzero(place[placed.pair] >= 0)
    row, theta, clicks = place[placed.pair[used]], placed.examination[used], placed.clicks[used]
    misses = placed.n[used] - clicks
    for column in range(GRID_POINTS):
        rate = theta * points[row, column]
        logs[:, column] += np.bincount(
            row, clicks * np.log(rate) + misses * np.log1p(-rate), exact.size
        )
    mass = np.exp(logs - logs.max(axis=1, keepdims=True))
    mass /= mass.sum(axis=1, keepdims=True)
    return Posteriors(posteriors.shape, posteriors.rate, exact, points, mass)


def _span_grid(
    shape: NDArray[np.float64], rate: NDArray[np.float64], most: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Lay even steps over each Gamma, up to a most; return their middles, `[n, 64]`."""
    high = np.minimum(gammaincinv(shape, 1 - _TAIL) / rate, most)
    low = np.minimum(gammaincinv(shape, _TAIL) / rate, high / 2)
    middles = (np.arange(GRID_POINTS) + 0.5) / GRID_POINTS
    points: NDArray[np.float64] = low[:, None] + (high - low)[:, None] * middles
    return points
