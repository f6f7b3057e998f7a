"""Strength of a prior: how many looks (or clicks) of evidence it is worth, read off the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import betaln, gammaln

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRENGTHS: Final = np.geomspace(0.1, 1e5, 91)
"""Strengths tried: fifteen to a factor of ten, so that the best is met within 8%."""

_DROP: Final = 1.353
"""By how much the log likelihood may fall short of its most: half of 2.706, which a chi-square of
one degree exceeds once in ten."""


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
    return float(STRENGTHS[np.argmax(_try_gamma_strengths(clicks, looks, prior_mean))])


def bound_gamma_strength(
    clicks: NDArray[np.int64], looks: NDArray[np.float64], prior_mean: NDArray[np.float64]
) -> float:
    """Return the least strength that the clicks do not speak against; see `fit_gamma_strength`.

    It is the lower end of a one-sided 95% interval by the profile of the likelihood: in a small
    log, where clicks do not tell whether pairs differ from their prior mean, it is low.

    Example:
        >>> few, looks = np.full(20, 2), np.full(20, 20.0)
        >>> round(bound_gamma_strength(few, looks, np.full(20, 0.1)))
        158
        >>> round(fit_gamma_strength(few, looks, np.full(20, 0.1)))
        100000
    """
    likelihoods = _try_gamma_strengths(clicks, looks, prior_mean)
    return float(STRENGTHS[np.argmax(likelihoods >= likelihoods.max() - _DROP)])


def _try_gamma_strengths(
    clicks: NDArray[np.int64], looks: NDArray[np.float64], prior_mean: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log likelihood under each strength, but for what is the same under all."""
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

    return np.array([to_likelihood(strength) for strength in STRENGTHS])


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
