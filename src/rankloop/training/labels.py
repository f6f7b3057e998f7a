"""Labels: how attractive each document is for its query, with position taken out.

People are taken to click what they look at by its attraction alone, and to look by position alone.
A label is shrunk towards what was expected of the pair before its clicks: one click in one look is
no proof. Nothing here is stored; other weights or other settings give other labels of the same log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rankloop.errors import TableError
from rankloop.training.evidence import Evidence, collect_evidence
from rankloop.training.funnel import FunnelCounts, FunnelWeights, estimate_worth
from rankloop.training.posteriors import Posteriors, build_posteriors, refine_frequent
from rankloop.training.priors import PriorConfig, fit_prior
from rankloop.training.strengths import fit_gamma_strength

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """Settings of the labels."""

    prior: PriorConfig = field(default_factory=PriorConfig)
    """What is expected of a pair before its own clicks."""

    weights: FunnelWeights = field(default_factory=FunnelWeights)
    """What each step behind a click is worth."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What is believed of each pair; every array is `[n_pairs]` float64.

    Attributes:
        evidence: What the log knows, and which pairs.
        prior_mean: Attraction expected before the pair's own clicks.
        strength: Looks that the prior counts for, above 0.
        attraction: What the pair's clicks leave us to believe.
        worth: What a click on the pair is worth.
    """

    evidence: Evidence
    prior_mean: NDArray[np.float64]
    strength: float
    attraction: Posteriors
    worth: NDArray[np.float64]

    @property
    def value(self) -> NDArray[np.float64]:
        """The label: expected worth of one look, 0 or more."""
        return np.asarray(self.attraction.mean * self.worth)

    @property
    def weight(self) -> NDArray[np.float64]:
        """How much of the label the pair's own clicks say: E / (E + strength), in [0, 1)."""
        looks = self.evidence.examinations
        return np.asarray(looks / (looks + self.strength))

    def interval(self, share: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the bounds that hold the label with a probability, half of the rest on each side.

        Args:
            share: The probability, in (0, 1). What a click is worth is taken as known.
        """
        tail = (1 - share) / 2
        return (
            self.attraction.quantile(tail) * self.worth,
            self.attraction.quantile(1 - tail) * self.worth,
        )


def fit_labels(
    cells: Cells,
    examination: NDArray[np.float64],
    config: LabelConfig | None = None,
    features: NDArray[np.float64] | None = None,
    counts: FunnelCounts | None = None,
) -> Labels:
    """Judge each pair of a log by its clicks, corrected for position and for small numbers.

        C_i | alpha_i ~ Poisson(E_i alpha_i),  alpha_i ~ Gamma(mean mu_i, strength k)
        E(alpha_i | C_i) = (mu_i k + C_i) / (k + E_i) = mu_i + (C_i - mu_i E_i) / (k + E_i)

    The last form is the doubly robust estimate with a denominator learned from the data. Where a
    pair is clicked in over 30% of its looks the exact Bernoulli law takes the Poisson law's place.

    Args:
        cells: The log.
        examination: `[n_positions]` float64 above 0, relative to position 0; NaN where it is not
            known. With all ones the labels are shrunk but not corrected.
        config: Settings; the defaults suit most logs.
        features: `[n_pairs, n_features]` float64 of content, for the prior.
        counts: What followed the clicks; without it a click is worth `config.weights.click`.

    Raises:
        NotEnoughDataError: Nothing was clicked.
        TableError: An examination is not above 0, or rows do not fit the pairs.

    Source:
        Shrinkage: Robbins, "An empirical Bayes approach to statistics", 1956. Ratio of clicks to
        expected clicks: Zhang and Jones, "Comparing click logs and editorial labels for training
        query rewriting", WWW 2007. Examination: Craswell et al., WSDM 2008.

    Example:
        >>> from rankloop.bias.cells import Cells, Pairs
        >>> from rankloop.training.priors import PriorConfig
        >>> names = np.array(["d1", "d2"], object)
        >>> pairs = Pairs(np.zeros(2, np.int64), np.array(["shoes"], object), names)
        >>> place, none = np.arange(2), np.zeros(2, np.int64)
        >>> n, clicks = np.array([4_000, 4_000]), np.array([400, 200])
        >>> cells = Cells(place, place, none - 1, none, none, none, n, clicks, pairs)
        >>> config = LabelConfig(prior=PriorConfig(kind="global"))
        >>> fit_labels(cells, np.array([1.0, 0.5]), config).value.round(3)
        array([0.1, 0.1])
    """
    config = config or LabelConfig()
    evidence = collect_evidence(cells, examination)
    mean = fit_prior(evidence, config.prior, features)
    strength = fit_gamma_strength(evidence.clicks, evidence.examinations, mean)
    shape = mean * strength
    gamma = build_posteriors(shape + evidence.clicks, strength + evidence.examinations)
    attraction = refine_frequent(gamma, evidence, shape, strength)
    if counts is None:
        worth = np.full(mean.size, config.weights.click)
    elif counts.clicks.size != mean.size:
        raise TableError(
            f"counts has {counts.clicks.size} rows for {mean.size} pairs", where="counts"
        )
    else:
        worth = estimate_worth(counts, config.weights)
    return Labels(evidence, mean, strength, attraction, worth)
