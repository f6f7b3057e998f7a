"""Hard negatives: documents that were looked at and surely do not serve their query.

That a document was shown and not clicked says little: most of what is not clicked was not looked
at. The rule asks how often it would have been looked at, and how attractive it can still be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.errors import SettingsError
from rankloop.training.sieves import Sieve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.training.labels import Labels


@dataclass(frozen=True, slots=True)
class NegativeConfig:
    """Settings of what counts as a hard negative."""

    min_looks: float = 3.0
    """Expected examinations at least; after 3 without a click the bound is about 1."""

    bound_share: float = 0.95
    """Probability with which its attraction lies below the bound, in (0, 1)."""

    max_ratio: float = 0.5
    """The bound must be below so much of the query's best, in (0, 1]."""

    max_overall_ratio: float = 0.9
    """The bound must be below so much of the log's mean as well, above 0."""

    best_share: float = 0.9
    """The query's best: the least attraction among this upper end of its documents, in [0, 1)."""

    def __post_init__(self) -> None:
        if not self.min_looks >= 0:
            raise SettingsError("min_looks must be 0 or more", where="min_looks")
        if not self.max_overall_ratio > 0:
            raise SettingsError("max_overall_ratio must be above 0", where="max_overall_ratio")
        for name in ("bound_share", "max_ratio"):
            if not 0 < getattr(self, name) <= 1:
                raise SettingsError(f"{name} must be above 0 and at most 1", where=name)
        if not 0 <= self.best_share < 1:
            raise SettingsError("best_share must be 0 or more and below 1", where="best_share")


def find_negatives(labels: Labels, positives: NDArray[np.bool_], config: NegativeConfig) -> Sieve:
    """Keep the pairs of which it is sure that they are much worse than their query's best.

        E_i >= 3   and   q95(alpha_i) < min(0.5 x best of the query, 0.9 x mean of the log)

    Half as good as an excellent document can still be good, so a negative must be below the log's
    mean as well. The best is where the query's best tenth begins.

    Args:
        labels: What is believed of each pair.
        positives: `[n_pairs]` bool, never negatives, and needed in the query.
        config: Settings.

    Returns:
        `[n_pairs]` candidates, with those left that are hard negatives.
    """
    evidence = labels.evidence
    query = evidence.pairs.query
    sieve = Sieve((evidence.impressions > 0) & ~positives)
    has_positive = np.bincount(query, positives, evidence.pairs.query_keys.size) > 0
    sieve.remove("query_without_positive", ~has_positive[query])
    sieve.remove("few_looks", evidence.examinations < config.min_looks)
    bound = labels.attraction.quantile(config.bound_share)
    sieve.remove("not_below_query", bound >= find_bar(labels, config))
    return sieve


def find_bar(labels: Labels, config: NegativeConfig) -> NDArray[np.float64]:
    """Return the attraction below which a negative's bound must lie, `[n_pairs]`."""
    query = labels.evidence.pairs.query
    mean = labels.attraction.mean
    overall = labels.evidence.clicks.sum() / labels.evidence.examinations.sum()
    order = np.lexsort((mean, query))
    sizes = np.bincount(query, minlength=labels.evidence.pairs.query_keys.size)
    first = np.cumsum(sizes) - sizes
    place = np.minimum((config.best_share * sizes).astype(np.int64), np.maximum(sizes - 1, 0))
    best = mean[order][np.minimum(first + place, max(mean.size - 1, 0))]
    return np.asarray(
        np.minimum(config.max_ratio * best[query], config.max_overall_ratio * overall)
    )
