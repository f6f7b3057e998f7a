"""Many tests at once: which of many got far fewer clicks than their positions get elsewhere.

The expectation is descriptive: each position's click rate with everyone, over all that was shown
there. Half of all queries and documents lie below an average and with enough clicks each can be
told from it, so a finding must also be large: too few clicks by chance, and few by far.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import gammaincc

from rankloop.analytics.intervals import FEW_CLUSTERS
from rankloop.errors import SettingsError, TableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

FALSE_DISCOVERY_RATE: Final = 0.10
"""Share of the findings that may be false, in expectation."""


def compute_lower_tails(
    observed: ArrayLike, expected: ArrayLike, dispersion: ArrayLike = 1.0
) -> NDArray[np.float64]:
    """Compute the chance of as few events as observed, or fewer, were the expectation right.

    Events are Poisson; where they come in bunches, variance over mean is `dispersion` and both
    counts are divided by it (quasi-Poisson, by the continuous form of the tail):

        p = Q(observed / dispersion + 1, expected / dispersion)

    with Q the regularized upper incomplete gamma function. Never under the plain Poisson tail.

    Args:
        observed: `[n]` counts, 0 or more.
        expected: `[n]` expected counts, 0 or more.
        dispersion: `[n]` or one number, 1 or more.

    Returns:
        `[n]` chances in [0, 1]; 1 where nothing was expected.

    Source:
        McCullagh and Nelder, "Generalized Linear Models", 1989, section 6.2.3.

    Example:
        >>> compute_lower_tails([0, 10], [3.0, 10.0]).round(3)
        array([0.05 , 0.583])
    """
    counts = np.asarray(observed, dtype=np.float64)
    means = np.asarray(expected, dtype=np.float64)
    factor = np.asarray(dispersion, dtype=np.float64)
    if (counts < 0).any() or (means < 0).any() or (factor < 1).any():
        raise TableError("counts must be 0 or more and dispersion 1 or more", where="expected")
    tails = gammaincc(counts + 1.0, means)
    if (factor > 1).any():
        tails = np.maximum(tails, gammaincc(counts / factor + 1.0, means / factor))
    return np.asarray(tails, dtype=np.float64)


def find_discoveries(p_values: ArrayLike, rate: float = FALSE_DISCOVERY_RATE) -> NDArray[np.bool_]:
    """Find the tests to believe, so that at most this share of them is false in expectation.

    Benjamini and Hochberg: with p sorted, believe the first k where k is the largest number with
    p_(k) ≤ k/m · rate. It holds for independent tests and for those that err together.

    Args:
        p_values: `[n]` chances in [0, 1], one per test, all tests that were made.
        rate: The share, in (0, 1).

    Returns:
        `[n]` True where the test is believed.

    Source:
        Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57, 1995.

    Example:
        >>> find_discoveries([0.01, 0.06, 0.9]).tolist()
        [True, True, False]
    """
    chances = np.asarray(p_values, dtype=np.float64)
    if chances.size == 0:
        return np.zeros(0, dtype=np.bool_)
    ordered = np.sort(chances)
    steps = np.arange(1, chances.size + 1) / chances.size * rate
    passed = np.flatnonzero(ordered <= steps)
    threshold = ordered[passed[-1]] if passed.size else -1.0
    return np.asarray(chances <= threshold, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class ShortfallConfig:
    """What makes a shortfall of clicks worth a person's time."""

    max_ratio: float = 0.5
    """Most observed clicks of a finding, as a share of the expected ones, in (0, 1]."""

    min_expected: float = 5.0
    """Fewest expected clicks of what is tested, above 0; with fewer, zero clicks say nothing."""

    false_discovery_rate: float = FALSE_DISCOVERY_RATE
    """Share of the findings that may be false, in (0, 1)."""

    max_checked: int = 30
    """Most findings whose clicks are looked at person by person, 1 or more."""

    def __post_init__(self) -> None:
        if not 0 < self.max_ratio <= 1:
            raise SettingsError("max_ratio must be above 0 and 1 at most", where="max_ratio")
        if self.min_expected <= 0:
            raise SettingsError("min_expected must be above 0", where="min_expected")
        if not 0 < self.false_discovery_rate < 1:
            raise SettingsError("the rate must be in (0, 1)", where="false_discovery_rate")
        if self.max_checked < 1:
            raise SettingsError("max_checked must be 1 or more", where="max_checked")


@dataclass(frozen=True, slots=True)
class Screening:
    """What a first look at all tests leaves to be looked at closely."""

    observed: NDArray[np.float64]
    """`[n]` clicks."""

    expected: NDArray[np.float64]
    """`[n]` expected clicks."""

    p_values: NDArray[np.float64]
    """`[n]` chances as though clicks were independent; 1 where the shortfall is not large."""

    suspects: list[int]
    """Places of the findings, most lost clicks first, at most `max_checked`."""


def screen_shortfalls(
    observed: ArrayLike, expected: ArrayLike, config: ShortfallConfig
) -> Screening:
    """Find what fell short of its expected clicks, were all clicks independent.

    The chance of a shortfall that is not large (over `max_ratio`) counts as 1. That makes chances
    larger, never smaller, so the false discovery rate is kept among exactly those that are found.

    Args:
        observed: `[n]` clicks.
        expected: `[n]` expected clicks; what is under `min_expected` is not tested.
        config: What a finding is.

    Example:
        >>> screening = screen_shortfalls([0, 9, 40], [12.0, 10.0, 100.0], ShortfallConfig())
        >>> screening.suspects
        [2, 0]
    """
    clicks = np.asarray(observed, dtype=np.float64)
    means = np.asarray(expected, dtype=np.float64)
    chances = np.where(clicks <= config.max_ratio * means, compute_lower_tails(clicks, means), 1.0)
    tested = np.flatnonzero(means >= config.min_expected)
    found = tested[find_discoveries(chances[tested], config.false_discovery_rate)]
    # The place breaks ties, so that equal losses keep the order they came in.
    ordered = found[np.lexsort((found, clicks[found] - means[found]))]
    return Screening(clicks, means, chances, ordered[: config.max_checked].tolist())


@dataclass(frozen=True, slots=True)
class Bunches:
    """How clicks spread over people: person j made o_j clicks where e_j were expected."""

    n_clusters: int
    """How many people, 1 or more."""

    n_trials: int
    """What they were shown: impressions or searches."""

    oo: float
    """Σ o_j²."""

    oe: float
    """Σ o_j e_j."""

    ee: float
    """Σ e_j²."""


def estimate_dispersion(observed: float, expected: float, bunches: Bunches) -> float:
    """Estimate how far clicks come in bunches: variance over mean.

    With O = Σ o_j and E = Σ e_j, the larger of two estimates, the one were the expectation right
    and the one at the rate observed; 1 at least:

        dispersion = max(1, Σ (o_j - e_j)² / E, Σ (o_j - e_j O/E)² / O)

    A person who makes a hundred searches without a click thereby says little more than one. Under
    30 people their spread cannot be trusted, and each counts as one observation.

    Args:
        observed: O.
        expected: E, above 0.
        bunches: The sums over people.

    Example:
        >>> heavy = Bunches(n_clusters=100, n_trials=400, oo=0.0, oe=0.0, ee=240.0)
        >>> estimate_dispersion(0.0, 60.0, heavy)
        4.0
    """
    oo, oe, ee = bunches.oo, bunches.oe, bunches.ee
    dispersion = max(1.0, (oo - 2 * oe + ee) / expected)
    if observed > 0:
        ratio = observed / expected
        dispersion = max(dispersion, (oo - 2 * ratio * oe + ratio * ratio * ee) / observed)
    if bunches.n_clusters < FEW_CLUSTERS:
        dispersion = max(dispersion, bunches.n_trials / bunches.n_clusters)
    return dispersion


def confirm_shortfalls(
    screening: Screening, bunches: Mapping[int, Bunches], config: ShortfallConfig
) -> dict[int, float]:
    """Keep the findings that stand when one person's clicks are taken together.

    Chances can only grow by this, so what the screening left out would not be found now either:
    looking closely at the suspects alone keeps the false discovery rate over all.

    Args:
        screening: The first look.
        bunches: By place, how the clicks of each suspect spread over people; a suspect that is
            absent is not found.
        config: What a finding is.

    Returns:
        By place, the chance of so few clicks; most lost clicks first.

    Example:
        >>> config = ShortfallConfig()
        >>> screening = screen_shortfalls([0, 0], [12.0, 12.0], config)
        >>> one_person, sixty = Bunches(1, 60, 0, 0, 144.0), Bunches(60, 60, 0, 0, 2.4)
        >>> sorted(confirm_shortfalls(screening, {0: one_person, 1: sixty}, config))
        [1]
    """
    chances = screening.p_values.copy()
    for place, bunch in bunches.items():
        observed, expected = screening.observed[place], screening.expected[place]
        dispersion = estimate_dispersion(float(observed), float(expected), bunch)
        chances[place] = compute_lower_tails(observed, expected, dispersion)
    tested = np.flatnonzero(screening.expected >= config.min_expected)
    found = set(tested[find_discoveries(chances[tested], config.false_discovery_rate)].tolist())
    return {
        place: float(chances[place])
        for place in screening.suspects
        if place in found and place in bunches
    }
