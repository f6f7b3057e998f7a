"""Perplexity: how surprised a click model is by a log, 1 if never and 2 if it tosses a coin.

It compares models of one log. It does not tell whether propensities are right: a model that is
wrong about positions makes up for it in its attractions, and predicts nearly as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import NotEnoughDataError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells
    from rankloop.bias.lists import Lists

FLOOR: Final = 1e-6
"""Predictions are kept this far from 0 and 1, so that one surprise is not infinite."""


@dataclass(frozen=True, slots=True)
class Perplexity:
    """`2^(-mean log2 p)` of what happened, at each position and on average.

    Attributes:
        by_position: `[n_positions]` float64, 1 or more; NaN where nothing was shown.
        mean: Mean over the positions that were shown, each counting alike.
    """

    by_position: NDArray[np.float64]
    mean: float


def measure_perplexity(predicted: NDArray[np.float64], lists: Lists) -> Perplexity:
    """Compare predictions with lists.

    Predictions that know the clicks above give the conditional perplexity, those that do not the
    plain one; the two do not compare with each other.

    Args:
        predicted: `[n_lists, n_positions]` float64 in [0, 1], chance of a click.
        lists: What happened.

    Raises:
        TableError: Shapes differ.
        NotEnoughDataError: There are no impressions.

    Source: Dupret & Piwowarski, A User Browsing Model to Predict Search Engine Click Data from
        Past Observations, SIGIR 2008, section 4.1.

    Example:
        >>> from rankloop.bias.cells import Pairs
        >>> table = Pairs(np.array([0]), np.array(["q"], object), np.array(["a"], object))
        >>> from rankloop.bias.lists import Lists
        >>> lists = Lists(
        ...     np.zeros((4, 1), int), np.array([[True], [False], [True], [False]]), table
        ... )
        >>> measure_perplexity(np.full((4, 1), 0.5), lists).mean
        2.0
    """
    if predicted.shape != lists.pairs.shape:
        raise TableError(
            f"predictions are {predicted.shape} but lists {lists.pairs.shape}", where="predicted"
        )
    shown, clicks = lists.is_shown, lists.clicks
    chance = np.clip(predicted, FLOOR, 1 - FLOOR)
    bits = np.log2(np.where(clicks, chance, 1 - chance)) * shown
    return _to_perplexity(bits.sum(axis=0), shown.sum(axis=0, dtype=np.float64))


def measure_cell_perplexity(predicted: NDArray[np.float64], cells: Cells) -> Perplexity:
    """Compare predictions with cells, for models that need to know no more than a cell does.

    Args:
        predicted: `[n_cells]` float64 in [0, 1], chance of a click.
        cells: What happened.

    Raises:
        TableError: Shapes differ.
        NotEnoughDataError: There are no impressions.
    """
    if predicted.shape != cells.n.shape:
        raise TableError(
            f"predictions are {predicted.shape} but cells {cells.n.shape}", where="predicted"
        )
    chance = np.clip(predicted, FLOOR, 1 - FLOOR)
    bits = cells.clicks * np.log2(chance) + (cells.n - cells.clicks) * np.log2(1 - chance)
    n_positions = cells.n_positions
    return _to_perplexity(
        np.bincount(cells.position, bits, n_positions).astype(np.float64),
        np.bincount(cells.position, cells.n, n_positions).astype(np.float64),
    )


def _to_perplexity(bits: NDArray[np.float64], n: NDArray[np.float64]) -> Perplexity:
    """Turn sums of logarithms by position into perplexities."""
    shown = n > 0
    if not bool(shown.any()):
        raise NotEnoughDataError("nothing was shown, so there is nothing to be surprised by")
    by_position = np.full(n.size, np.nan)
    by_position[shown] = 2.0 ** -(bits[shown] / n[shown])
    return Perplexity(by_position, float(by_position[shown].mean()))
