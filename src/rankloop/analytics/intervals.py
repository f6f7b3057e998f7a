"""Intervals of rates whose outcomes hang together, because one person makes many of them.

One person's searches are alike, so a thousand impressions of fifty people say less than a
thousand impressions of a thousand people. The design effect says how much less: it is the
variance of the rate between clusters over the variance that independent outcomes would have. The
interval is Wilson's with n divided by it.

The store hands over sums over clusters, so that nobody's log has to be read twice. Clusters may be
thrown together beforehand (the store's questions use 1,024 groups of them): people are independent
of each other, so the sums of squares expect the same value, and the effect is known to 4%.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

from scipy.special import stdtrit

from rankloop.errors import TableError
from rankloop.tables.rates import ClusteredBy, Rate

if TYPE_CHECKING:
    from collections.abc import Mapping

Z_95: Final = 1.959963984540054
"""Two-sided 95% quantile of the normal distribution."""

FEW_CLUSTERS: Final = 30
"""Under this many clusters their spread cannot be trusted, and n is their number."""

LEVELS: Final[tuple[ClusteredBy, ...]] = ("user", "session", "search")
"""What a row's `cluster_level` means: the first of the three that the row has."""


GROUPS: Final = 1_024
"""Groups that the store's questions throw clusters into: `cluster_key & 1023`."""


@dataclass(frozen=True, slots=True)
class Clustering:
    """What clusters are, and how many of them a group holds."""

    clustered_by: ClusteredBy | None = "search"
    """Whose outcomes are taken together; None without rows."""

    per_group: float = 1.0
    """Clusters per group on average, 1 or more; 1 where each is summed by itself."""

    @classmethod
    def of_levels(
        cls, lowest_level: int | None, highest_level: int | None, n_grouped: int = 0
    ) -> Clustering:
        """Say what rows were clustered by: each by user, else session, else search.

        A log in which some people are known and some are not is `mixed`: each row counts with its
        own user, session or search, whichever it has first.

        Args:
            lowest_level: Lowest `cluster_level` of the rows: 0 user, 1 session, 2 search; None
                without rows.
            highest_level: Highest such level.
            n_grouped: How many clusters were thrown into `GROUPS` groups; 0 where none were.

        Example:
            >>> Clustering.of_levels(0, 0).clustered_by, Clustering.of_levels(0, 2).clustered_by
            ('user', 'mixed')
        """
        per_group = max(1.0, n_grouped / GROUPS)
        if lowest_level is None or highest_level is None:
            return cls(None, per_group)
        name = LEVELS[lowest_level] if lowest_level == highest_level else "mixed"
        return cls(name, per_group)


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """What a rate and its interval need: sums over clusters, all whole numbers.

    Cluster j had `n_j` trials and `c_j` successes.
    """

    n_clusters: int
    """Clusters (or groups of them) with at least one trial."""

    n: int
    """Σ n_j."""

    c: int
    """Σ c_j."""

    nn: int
    """Σ n_j²."""

    cn: int
    """Σ c_j n_j."""

    cc: int
    """Σ c_j²."""

    clustering: Clustering = Clustering()
    """What the clusters are."""

    @classmethod
    def of(cls, row: Mapping[str, int], clustering: Clustering) -> ClusterSums:
        """Take the sums out of a row of an answer, by the names of the fields."""
        return cls(
            row["n_clusters"], row["n"], row["c"], row["nn"], row["cn"], row["cc"], clustering
        )

    def complement(self) -> ClusterSums:
        """Return the sums of the trials that did not succeed."""
        return ClusterSums(
            n_clusters=self.n_clusters,
            n=self.n,
            c=self.n - self.c,
            nn=self.nn,
            cn=self.nn - self.cn,
            cc=self.nn - 2 * self.cn + self.cc,
            clustering=self.clustering,
        )


def estimate_design_effect(sums: ClusterSums) -> float:
    """Estimate by how much clustering widens the variance of a rate.

    With r = Σc / Σn and m clusters, the linearized variance of a ratio over the binomial one:

        effect = m/(m-1) · Σ(c_j - r n_j)² / (Σn · r (1 - r))

    Never under 1, because negative correlation within a person is not to be believed. Under 30
    clusters, and where all outcomes are equal and nothing can be estimated, a cluster counts as
    one observation: the effect is Σn / m.

    Source:
        Kish, "Survey Sampling", 1965; Rao and Scott, "A simple method for the analysis of
        clustered binary data", Biometrics 48, 1992.

    Example:
        >>> alone = ClusterSums(n_clusters=100, n=100, c=20, nn=100, cn=20, cc=20)
        >>> round(estimate_design_effect(alone), 2)
        1.01
        >>> tens = ClusterSums(n_clusters=100, n=1_000, c=200, nn=10_000, cn=2_000, cc=2_000)
        >>> round(estimate_design_effect(tens), 1)
        10.1
    """
    if sums.n == 0:
        return 1.0
    m, n, c = sums.n_clusters, sums.n, sums.c
    if m < FEW_CLUSTERS or c in (0, n):
        return max(1.0, n / (m * sums.clustering.per_group))
    # n² Σ(c_j - r n_j)², in whole numbers: the terms cancel, and floats would lose the rest.
    squares = n * n * sums.cc - 2 * c * n * sums.cn + c * c * sums.nn
    return max(1.0, m / (m - 1) * squares / (n * c * (n - c)))


def estimate_mean(sums: ClusterSums) -> tuple[float | None, float | None, float | None]:
    """Estimate a mean of n values that sum up to c, with its 95% interval.

    The variance is the same as in `estimate_design_effect`; under 30 clusters the interval is
    Student's, and from one cluster there is none.

    Returns:
        The mean, its lower end (0 at least) and its upper end; None where nothing can be said.

    Example:
        >>> mean, low, high = estimate_mean(ClusterSums(100, 100, 200, 100, 200, 800))
        >>> mean, round(low, 2), round(high, 2)
        (2.0, 1.61, 2.39)
    """
    if sums.n == 0:
        return None, None, None
    m, n, c = sums.n_clusters, sums.n, sums.c
    mean = c / n
    if m < 2:
        return mean, None, None
    squares = n * n * sums.cc - 2 * c * n * sums.cn + c * c * sums.nn
    quantile = Z_95 if m >= FEW_CLUSTERS else float(stdtrit(m - 1, 0.975))
    half = quantile * sqrt(m / (m - 1) * squares) / n / n
    return mean, max(0.0, mean - half), mean + half


def estimate_rate(sums: ClusterSums) -> Rate:
    """Estimate a rate with its 95% interval: Wilson's, on n over the design effect.

        centre ± half = (r + z²/2n' ± z √(r(1-r)/n' + z²/4n'²)) / (1 + z²/n'),  n' = n / effect

    Raises:
        TableError: There are more successes than trials.

    Source:
        Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
        1927.

    Example:
        >>> rate = estimate_rate(ClusterSums(100, 100, 20, 100, 20, 20))
        >>> rate.value, round(rate.low, 2), round(rate.high, 2), rate.clustered_by
        (0.2, 0.13, 0.29, 'search')
    """
    if not 0 <= sums.c <= sums.n:
        raise TableError(f"{sums.c} successes in {sums.n} trials", where="c")
    if sums.n == 0:
        return Rate.unknown()
    rate = sums.c / sums.n
    size = sums.n / estimate_design_effect(sums)
    squared = Z_95 * Z_95 / size
    middle = (rate + squared / 2) / (1 + squared)
    half = Z_95 * sqrt(rate * (1 - rate) / size + squared / (4 * size)) / (1 + squared)
    return Rate(
        value=rate,
        n=sums.n,
        low=0.0 if sums.c == 0 else max(0.0, middle - half),
        high=1.0 if sums.c == sums.n else min(1.0, middle + half),
        clustered_by=sums.clustering.clustered_by,
    )
