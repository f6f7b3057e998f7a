"""The dynamic Bayesian network, exactly: people read on until they are satisfied, or tire.

Whoever reads a place clicks it by its attraction; who clicked is satisfied by its satisfaction and
then stops; who is not goes on with chance gamma. What happened below the last click is latent, and
its chances follow from the documents there: the tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from rankloop.bias.base import ClickModel
from rankloop.bias.chains import Chain, look_up
from rankloop.bias.tails import TailGroup, Tails
from rankloop.errors import NotEnoughDataError, SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.lists import Lists

EDGE: Final = 1e-6
"""Chances stay this far from 0 and 1."""


@dataclass(frozen=True, slots=True)
class DBNConfig:
    """Settings of the fit."""

    n_rounds: int = 100
    """Most rounds."""

    tolerance: float = 1e-5
    """The fit ends when gamma changed by less than this in a round; 0 does all rounds."""

    prior_clicks: float = 0.2
    """Clicks that every attraction is given beforehand, above 0."""

    prior_skips: float = 1.0
    """Readings without a click that every attraction is given beforehand, above 0."""

    prior_endings: float = 0.5
    """Endings, and as many goings-on, that every satisfaction is given beforehand, above 0."""

    def __post_init__(self) -> None:
        if self.n_rounds < 1 or self.tolerance < 0:
            raise SettingsError("n_rounds must be at least 1 and tolerance 0 or more")
        if min(self.prior_clicks, self.prior_skips, self.prior_endings) <= 0:
            raise SettingsError("prior_clicks, prior_skips and prior_endings must be above 0")


@dataclass(frozen=True, slots=True)
class DynamicBayesianNetwork(ClickModel[Tails, DBNConfig]):
    """Attraction and satisfaction by pair, and one chance to read on.

    Attributes:
        attraction: `[n_pairs]` float64 in (0, 1), chance of a click if read.
        satisfaction: `[n_pairs]` float64 in (0, 1), chance that a click ends the reading.
        continuation: Chance to read on when not satisfied; the paper's gamma.
        log_likelihood: Of the log under the model before the last round, in nats.
        n_rounds: Rounds that the fit took.
    """

    attraction: NDArray[np.float64]
    satisfaction: NDArray[np.float64]
    continuation: float
    log_likelihood: float
    n_rounds: int

    @classmethod
    def fit(cls, counts: Tails, config: DBNConfig | None = None) -> Self:
        """Fit by expectation maximization on pairs and tails, which is exact.

        Costs grow with the number of different tails, which is that of the lists at worst.

        Args:
            counts: Tails.
            config: Rounds and prior.

        Raises:
            NotEnoughDataError: There are no clicks.

        Source: Chapelle & Zhang, A Dynamic Bayesian Network Click Model for Web Search Ranking,
            WWW 2009.
        """
        config = config or DBNConfig()
        if not counts.clicks.any():
            raise NotEnoughDataError("the log has no clicks")
        n_pairs = len(counts.pairs)
        chances = Chances(np.full(n_pairs, 0.5), np.full(n_pairs, 0.5), 0.5)
        log_likelihood, n_rounds, change = 0.0, 0, np.inf
        while n_rounds < config.n_rounds and change >= config.tolerance:
            before = chances.continuation
            expected = expect(counts, chances)
            log_likelihood = expected.log_likelihood
            chances = _maximize(counts, expected, config)
            change = abs(chances.continuation - before)
            n_rounds += 1
        return cls(
            attraction=chances.attraction,
            satisfaction=chances.satisfaction,
            continuation=chances.continuation,
            log_likelihood=log_likelihood,
            n_rounds=n_rounds,
        )

    def predict_clicks(self, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predict clicks from documents; see `ClickModel`."""
        return self._chain(pairs).predict_clicks()

    def predict_next_clicks(self, lists: Lists) -> NDArray[np.float64]:
        """Predict clicks from what was clicked above; see `ClickModel`."""
        return self._chain(lists.pairs).predict_next_clicks(lists)

    def _chain(self, pairs: NDArray[np.int64]) -> Chain:
        attraction = look_up(self.attraction, pairs)
        after_click = self.continuation * (1 - look_up(self.satisfaction, pairs))
        return Chain(attraction, after_click, np.full_like(attraction, self.continuation))


@dataclass(frozen=True, slots=True)
class Chances:
    """What the model consists of: `[n_pairs]` attraction and satisfaction, one continuation."""

    attraction: NDArray[np.float64]
    satisfaction: NDArray[np.float64]
    continuation: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of the latent part of a log.

    Attributes:
        n_read: `[n_pairs]` float64, readings below the last click.
        n_satisfied: `[n_pairs]` float64, last clicks that satisfied.
        n_continued: How often someone went on, at or below a last click.
        n_unsatisfied: How often someone could have gone on there.
        log_likelihood: Of the log, in nats.
    """

    n_read: NDArray[np.float64]
    n_satisfied: NDArray[np.float64]
    n_continued: float
    n_unsatisfied: float
    log_likelihood: float


def expect(counts: Tails, chances: Chances) -> Expected:
    """Work out what happened below the last clicks, given the chances.

    With X_j the chance of no click from place j on, given that j is read,

        X_K = 1 - a_K,    X_j = (1 - a_j) (1 - gamma + gamma X_(j+1)).

    Args:
        counts: Tails.
        chances: What the model consists of.
    """
    n_pairs = len(counts.pairs)
    n_read, n_satisfied = np.zeros(n_pairs), np.zeros(n_pairs)
    n_continued = n_unsatisfied = 0.0
    log_likelihood = _read_likelihood(counts, chances)
    for group in counts.groups:
        reading, satisfied, likelihood = _expect_tails(group, chances)
        weighted = reading * group.n[:, None]
        below = slice(1, None) if group.is_clicked else slice(None)
        n_read += np.bincount(group.pairs[:, below].ravel(), weighted[:, below].ravel(), n_pairs)
        if group.is_clicked:
            n_satisfied += np.bincount(group.pairs[:, 0], satisfied * group.n, n_pairs)
        # Column 0 is a last click, or the top of a list, which is always read.
        n_continued += float(weighted[:, 1:].sum())
        could = weighted[:, :-1].copy()
        if group.is_clicked and could.shape[1]:
            could[:, 0] *= 1 - satisfied
        n_unsatisfied += float(could.sum())
        log_likelihood += float(group.n @ np.log(likelihood))
    return Expected(n_read, n_satisfied, n_continued, n_unsatisfied, log_likelihood)


def _expect_tails(
    group: TailGroup, chances: Chances
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Say of each tail: chance that each place was read, that its click satisfied; likelihood."""
    gamma = chances.continuation
    a = chances.attraction[group.pairs]
    n_tails, length = a.shape
    # stay[:, j]: chance of no click below place j for someone who is there and not satisfied.
    stay = np.ones((n_tails, length))
    no_click = np.empty((n_tails, length))
    for place in range(length - 1, -1, -1):
        if place + 1 < length:
            stay[:, place] = (1 - gamma) + gamma * no_click[:, place + 1]
        no_click[:, place] = (1 - a[:, place]) * stay[:, place]
    reading = np.ones((n_tails, length))
    satisfied = np.zeros(n_tails)
    likelihood = no_click[:, 0]
    if group.is_clicked:
        s = chances.satisfaction[group.pairs[:, 0]]
        likelihood = s + (1 - s) * stay[:, 0]
        satisfied = s / likelihood
    for place in range(1, length):
        reading[:, place] = reading[:, place - 1] * gamma * no_click[:, place] / stay[:, place - 1]
        if place == 1 and group.is_clicked:
            reading[:, 1] *= 1 - satisfied
    return reading, satisfied, likelihood


def _read_likelihood(counts: Tails, chances: Chances) -> float:
    """Return the part of the log-likelihood that is known: down to the last clicks."""
    a, s = chances.attraction, chances.satisfaction
    clicks, skips = counts.clicks, counts.n_read - counts.clicks
    known = clicks @ np.log(a) + skips @ np.log1p(-a)
    known += (clicks - counts.last_clicks) @ np.log1p(-s)
    return float(known + counts.n_continued * np.log(chances.continuation))


def _maximize(counts: Tails, expected: Expected, config: DBNConfig) -> Chances:
    """Choose the chances under which what is expected is likeliest, the prior included."""
    both = config.prior_clicks + config.prior_skips
    attraction = (counts.clicks + config.prior_clicks) / (counts.n_read + expected.n_read + both)
    endings = config.prior_endings
    satisfaction = (expected.n_satisfied + endings) / (counts.clicks + 2 * endings)
    continued = counts.n_continued + expected.n_continued
    continuation = (continued + 1) / (counts.n_continued + expected.n_unsatisfied + 2)
    return Chances(
        np.clip(attraction, EDGE, 1 - EDGE),
        np.clip(satisfaction, EDGE, 1 - EDGE),
        float(np.clip(continuation, EDGE, 1 - EDGE)),
    )
