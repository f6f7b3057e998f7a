"""What people did with documents before a moment, corrected for how often they were looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of some candidates; every array is `[n]` float64, 0 where nothing is.

    Attributes:
        document_clicks: Clicks on the document, whatever was asked.
        document_looks: How often it was looked at: showings, each weighed by the chance that its
            position is looked at.
        pair_clicks: Clicks on it after this query.
        pair_looks: How often it was looked at after this query.
        mean_rate: Clicks a look over all documents of the retriever; NaN where there are none.
    """

    document_clicks: Floats
    document_looks: Floats
    pair_clicks: Floats
    pair_looks: Floats
    mean_rate: float

    @classmethod
    def none(cls, n_documents: int) -> Evidence:
        """Return that nothing was on record.

        Example:
            >>> Evidence.none(2).pair_looks
            array([0., 0.])
        """
        zeros = np.zeros(n_documents)
        return cls(zeros, zeros, zeros, zeros, np.nan)

    def rate_documents(self, prior_looks: float) -> Floats:
        """Return clicks a look of each document, drawn towards the mean; NaN where never shown.

        Args:
            prior_looks: Looks at the mean rate that stand beside its own, above 0.

        Example:
            >>> seen = Evidence(*np.array([[4.0], [10.0], [0.0], [0.0]]), mean_rate=0.1)
            >>> seen.rate_documents(10.0)
            array([0.25])
        """
        return shrink(self.document_clicks, self.document_looks, self.mean_rate, prior_looks)

    def rate_pairs(self, prior_looks: float) -> Floats:
        """Return clicks a look of each pair, drawn towards its document; NaN where never shown."""
        towards = self.rate_documents(prior_looks)
        return shrink(self.pair_clicks, self.pair_looks, towards, prior_looks)


def shrink(clicks: Floats, looks: Floats, towards: Floats | float, prior_looks: float) -> Floats:
    """Draw rates towards what is likely: the posterior mean of a Gamma prior; NaN without looks.

    Source:
        Clayton & Kaldor (1987), Empirical Bayes estimates of age-standardized relative risks,
        Biometrics 43, for the Gamma-Poisson model.
    """
    rates = (clicks + prior_looks * towards) / (looks + prior_looks)
    return np.where(looks > 0, rates, np.nan)
