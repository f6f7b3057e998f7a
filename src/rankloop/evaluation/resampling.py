"""How sure a difference is, by drawing the data again and again.

Values of one cluster (all queries of one seed, say, or all searches of one user) hang together, so
whole clusters are drawn, and whole clusters change sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy.special import ndtr, ndtri

from rankloop.errors import NotEnoughDataError, SettingsError, TableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CHUNK: Final = 2**21
"""Numbers drawn at a time; bounds the memory. Results do not depend on it."""


@dataclass(frozen=True, slots=True)
class ResamplingConfig:
    """Settings of intervals and tests."""

    n_resamples: int = 10_000
    """How often data are drawn, at least 100."""

    confidence: float = 0.95
    """How often an interval holds the truth, in (0, 1)."""

    interval: Literal["bca", "percentile"] = "bca"
    """Bias-corrected and accelerated, or the plain quantiles."""

    def __post_init__(self) -> None:
        if self.n_resamples < 100:
            raise SettingsError("n_resamples must be at least 100", where="n_resamples")
        if not 0 < self.confidence < 1:
            raise SettingsError("confidence must be in (0, 1)", where="confidence")
        if self.interval not in {"bca", "percentile"}:
            raise SettingsError("interval must be bca or percentile", where="interval")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and how sure it is.

    Attributes:
        value: The mean.
        low: Lower bound of the interval.
        high: Upper bound.
        p_value: Chance of a mean this far from 0, either way, if signs meant nothing.
        n: How many values there were.
        n_clusters: How many clusters they came in.
    """

    value: float
    low: float
    high: float
    p_value: float
    n: int
    n_clusters: int


def estimate_difference(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    rng: np.random.Generator,
    config: ResamplingConfig | None = None,
    clusters: NDArray[np.generic] | None = None,
) -> Estimate:
    """Estimate by how much one system's values exceed another's on the same queries.

    The interval is a paired bootstrap's; the p-value that of a sign-flip permutation test, exact
    where there are few enough clusters to try every combination of signs.

    Args:
        ours: `[n]` float64, one value a query.
        theirs: `[n]` float64, the other's of the same queries in the same order.
        rng: Where chance comes from.
        config: Number of draws, confidence, kind of interval.
        clusters: `[n]` what each value belongs to; each to itself where it is left out.

    Raises:
        TableError: Lengths differ, or a value is not finite.
        NotEnoughDataError: There are under two clusters.

    Source: Efron, Better Bootstrap Confidence Intervals, JASA 1987; Fisher, The Design of
        Experiments, 1935; Smucker, Allan & Carterette, A Comparison of Statistical Significance
        Tests for Information Retrieval Evaluation, CIKM 2007.

    Example:
        >>> ours, theirs = np.array([0.9, 0.8, 0.7, 0.9, 0.6]), np.array([0.5, 0.6, 0.7, 0.5, 0.5])
        >>> found = estimate_difference(ours, theirs, np.random.default_rng(1))
        >>> round(found.value, 2), found.p_value
        (0.22, 0.125)
    """
    config = config or ResamplingConfig()
    if ours.shape != theirs.shape or ours.ndim != 1:
        raise TableError(f"values are {ours.shape} and {theirs.shape}", where="theirs")
    difference = np.asarray(ours - theirs, dtype=np.float64)
    sums, sizes = _sum_clusters(difference, clusters)
    low, high = _bootstrap(sums, sizes, config, rng)
    return Estimate(
        value=float(sums.sum() / sizes.sum()),
        low=low,
        high=high,
        p_value=_flip_signs(sums, config, rng),
        n=int(sizes.sum()),
        n_clusters=int(sizes.size),
    )


def estimate_mean(
    values: NDArray[np.float64],
    rng: np.random.Generator,
    config: ResamplingConfig | None = None,
    clusters: NDArray[np.generic] | None = None,
) -> Estimate:
    """Estimate a mean; as `estimate_difference` from a system that has 0 everywhere."""
    return estimate_difference(values, np.zeros_like(values), rng, config, clusters)


def queries_needed(
    differences: NDArray[np.float64],
    effect: float,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int:
    """Say how many queries would show a difference, given how much queries differ.

    n = ((z_(1 - alpha / 2) + z_power) sd / effect)^2, for a two-sided test.

    Args:
        differences: `[n]` float64, differences of some queries, at least two.
        effect: The mean difference that is to be seen, not 0.
        power: Chance to see it, in (0, 1).
        alpha: Chance to see one where there is none, in (0, 1).

    Raises:
        NotEnoughDataError: There are under two differences, or all are alike.
        SettingsError: Effect, power or alpha is out of range.

    Example:
        >>> queries_needed(np.array([-0.1, 0.1, 0.2, 0.0]), effect=0.05)
        53
    """
    if effect == 0 or not 0 < power < 1 or not 0 < alpha < 1:
        raise SettingsError("effect must not be 0, power and alpha must be in (0, 1)")
    if differences.size < 2 or not np.ptp(differences):
        raise NotEnoughDataError("how much queries differ is not known", where="differences")
    spread = float(differences.std(ddof=1))
    z = float(ndtri(1 - alpha / 2) + ndtri(power))
    return max(2, ceil((z * spread / effect) ** 2))


def _sum_clusters(
    values: NDArray[np.float64], clusters: NDArray[np.generic] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each cluster's sum and size, in the order of the clusters."""
    if not bool(np.isfinite(values).all()):
        raise TableError("a value is not finite", where="ours")
    if clusters is None:
        sums, sizes = values, np.ones(values.size)
    else:
        if clusters.shape != values.shape:
            raise TableError(
                f"clusters are {clusters.shape}, values {values.shape}", where="clusters"
            )
        _, place = np.unique(clusters, return_inverse=True)
        sums = np.bincount(place, values).astype(np.float64)
        sizes = np.bincount(place).astype(np.float64)
    if sizes.size < 2:
        raise NotEnoughDataError(
            "there is under two of what could be drawn again",
            where="ours" if clusters is None else "clusters",
        )
    return sums, sizes


def _iter_chunks(n_rows: int, width: int) -> Iterator[int]:
    """Yield how many rows to draw at a time."""
    step = max(1, CHUNK // width)
    for first in range(0, n_rows, step):
        yield min(step, n_rows - first)


def _bootstrap(
    sums: NDArray[np.float64],
    sizes: NDArray[np.float64],
    config: ResamplingConfig,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return the interval of the mean over clusters that are drawn with replacement."""
    m = sums.size
    drawn = []
    for n_rows in _iter_chunks(config.n_resamples, m):
        rows = rng.integers(0, m, (n_rows, m))
        drawn.append(sums[rows].sum(axis=1) / sizes[rows].sum(axis=1))
    means = np.concatenate(drawn)
    tail = (1 - config.confidence) / 2
    shares = np.array([tail, 1 - tail])
    if config.interval == "bca":
        shares = _correct(shares, sums, sizes, means)
    low, high = np.quantile(means, shares)
    return float(low), float(high)


def _correct(
    shares: NDArray[np.float64],
    sums: NDArray[np.float64],
    sizes: NDArray[np.float64],
    means: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Move the quantiles by the bias of the draws and the skewness of the data."""
    value = sums.sum() / sizes.sum()
    below = float((means < value).mean() + (means == value).mean() / 2)
    limit = 1 / (means.size + 1)
    bias = ndtri(min(max(below, limit), 1 - limit))
    without = (sums.sum() - sums) / (sizes.sum() - sizes)
    pull = without.mean() - without
    spread = float((pull**2).sum())
    acceleration = float((pull**3).sum()) / (6 * spread**1.5) if spread else 0.0
    z = bias + ndtri(shares)
    return np.asarray(ndtr(bias + z / (1 - acceleration * z)), dtype=np.float64)


def _flip_signs(
    sums: NDArray[np.float64], config: ResamplingConfig, rng: np.random.Generator
) -> float:
    """Return how often sums of clusters with signs at random are as far from 0 as theirs are."""
    m = sums.size
    # What is equal but for rounding counts as equal.
    reached = abs(float(sums.sum())) - 1e-12 * float(np.abs(sums).sum())
    if 2**m <= config.n_resamples:
        bits = (np.arange(2**m)[:, None] >> np.arange(m)) & 1
        return float((np.abs((2 * bits - 1) @ sums) >= reached).mean())
    n_reached = 0
    for n_rows in _iter_chunks(config.n_resamples, m):
        signs = np.where(rng.random((n_rows, m)) < 0.5, -1.0, 1.0)
        n_reached += int((np.abs(signs @ sums) >= reached).sum())
    return (1 + n_reached) / (1 + config.n_resamples)
