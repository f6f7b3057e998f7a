"""Simulated rankers: the order in which production shows what it has, and how it explores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RankerConfig:
    """How production orders the documents of a query. The defaults freeze its rankings."""

    noise_sd: float = 0.0
    """Standard deviation of what each search adds to each score; 0 freezes the ranking."""

    swap_share: float = 0.0
    """Share of searches in which one adjacent pair, any of them alike, changes places."""

    def __post_init__(self) -> None:
        if self.noise_sd < 0:
            raise SettingsError("noise_sd must be 0 or more", where="noise_sd")
        if not 0 <= self.swap_share <= 1:
            raise SettingsError("swap_share must be in [0, 1]", where="swap_share")


@dataclass(frozen=True, slots=True)
class Ranked:
    """What was shown; matrices are `[n_lists, n_positions]`.

    Attributes:
        places: int64, candidate per position; -1 past the end.
        logging_probability: float64 in (0, 1], chance that the exploration left this candidate at
            this position, the ranker's own order of that moment taken as given.
        is_explored: `[n_lists]` bool, True where a pair changed places.
    """

    places: NDArray[np.int64]
    logging_probability: NDArray[np.float64]
    is_explored: NDArray[np.bool_]


def rank(
    scores: NDArray[np.float64],
    n_positions: int,
    config: RankerConfig,
    rng: np.random.Generator,
) -> Ranked:
    """Order candidates by score, best first, and change some pairs' places.

    Args:
        scores: `[n_lists, n_candidates]` float64; minus infinity where a list has fewer.
        n_positions: How many are shown.
        config: Noise and exploration.
        rng: Where chance comes from.

    Example:
        >>> shown = rank(
        ...     np.array([[1.0, 3.0, -np.inf]]), 3, RankerConfig(), np.random.default_rng(1)
        ... )
        >>> shown.places.tolist(), shown.logging_probability.tolist()
        ([[1, 0, -1]], [[1.0, 1.0, 1.0]])
    """
    if config.noise_sd:
        scores = scores + config.noise_sd * rng.standard_normal(scores.shape)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n_positions]
    if order.shape[1] < n_positions:
        short = n_positions - order.shape[1]
        order = np.pad(order, ((0, 0), (0, short)), constant_values=-1)
    n_shown = np.minimum(np.isfinite(scores).sum(axis=1), n_positions)
    order[np.arange(n_positions) >= n_shown[:, None]] = -1
    if not config.swap_share:
        n_lists = order.shape[0]
        return Ranked(order, np.ones(order.shape), np.zeros(n_lists, dtype=bool))
    return _swap(order, n_shown, config.swap_share, rng)


def _swap(
    order: NDArray[np.int64], n_shown: NDArray[np.int64], share: float, rng: np.random.Generator
) -> Ranked:
    """Let one adjacent pair change places in a share of the lists, and log the chance of each."""
    n_lists, n_positions = order.shape
    n_edges = n_shown - 1
    is_explored = (rng.random(n_lists) < share) & (n_edges > 0)
    upper = (rng.random(n_lists) * n_edges).astype(np.int64)
    rows, above = np.flatnonzero(is_explored), upper[is_explored]
    order[rows, above], order[rows, above + 1] = order[rows, above + 1], order[rows, above]
    # A place moves if one of its edges is drawn: the ends have one edge, all others two.
    position = np.arange(n_positions)
    n_touching = (position > 0).astype(np.int64) + (position < n_edges[:, None])
    edge_chance = share / np.maximum(n_edges, 1)[:, None]
    probability = 1 - np.where(n_edges[:, None] > 0, n_touching * edge_chance, 0.0)
    probability[rows, above] = probability[rows, above + 1] = edge_chance[rows, 0]
    probability[order < 0] = 1.0
    return Ranked(order, probability, is_explored)
