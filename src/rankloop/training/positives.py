"""Positives: documents that surely serve their query."""

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
class PositiveConfig:
    """Settings of what counts as a positive."""

    min_people: int = 2
    """Distinct people who clicked it at least, 1 or more."""

    min_probability: float = 0.8
    """How sure it must be that its attraction exceeds the threshold, in (0, 1)."""

    overall_factor: float = 1.5
    """The threshold is at least so many times the mean attraction of the log, above 0."""

    def __post_init__(self) -> None:
        if self.min_people < 1:
            raise SettingsError("min_people must be 1 or more", where="min_people")
        if not 0 < self.min_probability < 1:
            raise SettingsError("min_probability must lie between 0 and 1", where="min_probability")
        if not self.overall_factor > 0:
            raise SettingsError("overall_factor must be above 0", where="overall_factor")


def find_positives(
    labels: Labels,
    people: NDArray[np.int64],
    config: PositiveConfig,
    is_disliked: NDArray[np.bool_] | None = None,
) -> Sieve:
    """Keep the clicked pairs of which it is sure that they are better than their surroundings.

        P(alpha_i > t_q) >= 0.8   with   t_q = max(mean of the query's pairs, 1.5 x mean of the log)

    Args:
        labels: What is believed of each pair.
        people: `[n_pairs]` int64, distinct people who clicked it.
        config: Settings.
        is_disliked: `[n_pairs]` bool, voted down or judged irrelevant.

    Returns:
        `[n_pairs]` candidates, with those left that are positives.
    """
    evidence = labels.evidence
    query, n_queries = evidence.pairs.query, evidence.pairs.query_keys.size
    sieve = Sieve(evidence.clicks > 0)
    sieve.remove("few_people", people < config.min_people)
    of_query = np.bincount(query, labels.attraction.mean, n_queries) / np.maximum(
        np.bincount(query, minlength=n_queries), 1
    )
    overall = evidence.clicks.sum() / evidence.examinations.sum()
    threshold = np.maximum(of_query, config.overall_factor * overall)[query]
    chance = labels.attraction.probability_above(threshold)
    sieve.remove("not_above_query", chance < config.min_probability)
    if is_disliked is not None:
        sieve.remove("disliked", is_disliked)
    return sieve
