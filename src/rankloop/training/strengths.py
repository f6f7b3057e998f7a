"""Strength of a prior: how many looks (or clicks) of evidence it is worth, read off the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betaln, gammaln

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRENGTHS: Final = np.geomspace(0.1, 1e5, 91)
"""Strengths tried: fifteen to a factor of ten, so that the best is met within 8%."""


def fit_gamma_strength(
    clicks: NDArray[np.int64], looks: NDArray[np.float64], prior_mean: NDArray[np.float64]
) -> float:
    """Choose the strength under which the clicks of all pairs are most likely.

        C ~ Poisson(E alpha),  alpha ~ Gamma(mean mu, strength k)
        log p = sum lgamma(mu k + C) - lgamma(mu k) + mu k log k - (mu k + C) log(k + E)

    Pairs that are alike but for their prior mean drive it to the upper end of the grid: then
    nothing but the prior is believed.

    Args:
        clicks: `[n_pairs]` int64.
        looks: `[n_pairs]` float64, expected examinations.
        prior_mean: `[n_pairs]` float64 above 0.

    Returns:
        The strength, in looks at position 0.

    Example:
        >>> looks = np.full(100, 1_000.0)
        >>> alike, apart = np.full(100, 100), np.tile([20, 180], 50)
        >>> fit_gamma_strength(alike, looks, np.full(100, 0.1)) > 10_000
        True
        >>> fit_gamma_strength(apart, looks, np.full(100, 0.1)) < 30
        True
    """
    shown = looks > 0
    clicks, looks, prior_mean = clicks[shown], looks[shown], prior_mean[shown]
    hit = clicks > 0
    hits, hit_mean = clicks[hit], prior_mean[hit]

    def to_likelihood(strength: float) -> float:
        shape = prior_mean * strength
        gained = gammaln(hit_mean * strength + hits) - gammaln(hit_mean * strength)
        # Written with log1p: for large strengths the two logarithms nearly cancel.
        lost = shape * np.log1p(looks / strength) + clicks * np.log(strength + looks)
        return float(gained.sum() - lost.sum())

    return float(STRENGTHS[np.argmax([to_likelihood(strength) for strength in STRENGTHS])])


def fit_beta_strength(hits: NDArray[np.int64], tries: NDArray[np.int64], mean: float) -> float:
    """Choose the strength under which shares of several groups are most likely.

        hits ~ Binomial(tries, p),  p ~ Beta(mean k, (1 - mean) k)

    Args:
        hits: `[n]` int64, at most `tries`.
        tries: `[n]` int64.
        mean: The share over all, strictly between 0 and 1.

    Returns:
        The strength, in tries.
    """
    tried = tries > 0
    hits, misses = hits[tried], (tries - hits)[tried]

    def to_likelihood(strength: float) -> float:
        a, b = mean * strength, (1 - mean) * strength
        return float((betaln(a + hits, b + misses) - betaln(a, b)).sum())

    return float(STRENGTHS[np.argmax([to_likelihood(strength) for strength in STRENGTHS])])
