"""Expectation maximization where a click needs two things: to look, and to be attracted.

Each cell has a kind of look (its position, or its position and the last click above) and a pair.
A click proves both causes. Where there was none, the two share the blame by Bayes' rule:

    alpha = (a0 + clicks + sum (1 - G) A r) / (a0 + b0 + n)      summed over a pair's cells
    theta = (1 + clicks + sum (1 - A) G r) / (2 + n)             summed over a look's cells

with A and G the values before, and r = (n - clicks) / (1 - A G) of each cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import NotEnoughDataError, SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

EDGE: Final = 1e-6
"""Chances stay this far from 0 and 1, where the method could not leave again."""


@dataclass(frozen=True, slots=True)
class EMConfig:
    """Settings of a fit that goes in rounds."""

    n_rounds: int = 50
    """Most rounds from each start."""

    tolerance: float = 1e-5
    """A fit ends when no look changed by more than this in a round; 0 does all rounds."""

    prior_clicks: float = 0.2
    """Clicks that every pair is given beforehand, above 0."""

    prior_skips: float = 1.0
    """Looks without a click that every pair is given beforehand, above 0."""

    examination: tuple[float, ...] | None = None
    """Known chance to look at each position; only attractions are fitted then. None fits both."""

    n_starts: int = 2
    """From how many starts, 1 or 2. With 2, the model says how far apart they ended."""

    def __post_init__(self) -> None:
        if self.n_rounds < 1 or self.n_starts not in {1, 2}:
            raise SettingsError("n_rounds must be at least 1 and n_starts 1 or 2")
        if self.tolerance < 0:
            raise SettingsError("tolerance must be 0 or more", where="tolerance")
        if self.prior_clicks <= 0 or self.prior_skips <= 0:
            raise SettingsError("prior_clicks and prior_skips must be above 0")
        if self.examination is not None and not all(value > 0 for value in self.examination):
            raise SettingsError("examination must be above 0", where="examination")

    @property
    def prior_mean(self) -> float:
        """What a pair without data is taken for."""
        return self.prior_clicks / (self.prior_clicks + self.prior_skips)


@dataclass(frozen=True, slots=True)
class Looks:
    """What the method reads: one row a pair and kind of look, sorted by pair.

    Attributes:
        pair: `[n_rows]` int64, ascending.
        look: `[n_rows]` int64, the kind of look.
        n: `[n_rows]` float64, impressions.
        clicks: `[n_rows]` float64, at most `n`.
        n_pairs: How many pairs there are, seen or not.
        n_looks: How many kinds of look there are, seen or not.
    """

    pair: NDArray[np.int64]
    look: NDArray[np.int64]
    n: NDArray[np.float64]
    clicks: NDArray[np.float64]
    n_pairs: int
    n_looks: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """Where the method ended.

    Attributes:
        attraction: `[n_pairs]` float64 in (0, 1).
        examination: `[n_looks]` float64 in (0, 1); 0.5 where nothing was looked at so.
        n_rounds: Rounds from the first start.
        start_difference: Largest difference between two starts' examinations, relative to the
            first look; NaN where there was one start. Large where the log cannot tell looks from
            attraction: then the answer is made of the start.
    """

    attraction: NDArray[np.float64]
    examination: NDArray[np.float64]
    n_rounds: int
    start_difference: float


def fold_looks(
    keys: tuple[NDArray[np.int64], NDArray[np.int64]],
    counts: tuple[NDArray[np.int64], NDArray[np.int64]],
    sizes: tuple[int, int],
) -> Looks:
    """Add up cells that share their pair and their kind of look.

    Args:
        keys: `[n_cells]` pair and look.
        counts: `[n_cells]` impressions and clicks.
        sizes: How many pairs and looks there are.

    Raises:
        NotEnoughDataError: There are no impressions or no clicks.
    """
    (pair, look), (n, clicks), (n_pairs, n_looks) = keys, counts, sizes
    if not pair.size or not clicks.any():
        lacking = "impressions" if not pair.size else "clicks"
        raise NotEnoughDataError(
            f"the log has no {lacking}", hint="A click model needs lists that were clicked."
        )
    key = pair * n_looks + look
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    pair, look = np.divmod(key[starts], n_looks)
    return Looks(
        pair,
        look,
        n=np.add.reduceat(n[order], starts).astype(np.float64),
        clicks=np.add.reduceat(clicks[order], starts).astype(np.float64),
        n_pairs=n_pairs,
        n_looks=n_looks,
    )


def maximize(looks: Looks, config: EMConfig, known: NDArray[np.float64] | None = None) -> Fitted:
    """Fit attraction and examination, from one start or two.

    The first start has every chance at 0.5. The second lets examination fall like 1 / look, so
    that the two come from different sides.

    Args:
        looks: What was seen.
        config: Rounds, prior, starts.
        known: `[n_looks]` examination above 0, where only attraction is to be fitted.
    """
    if known is not None:
        # A place may be looked at more than the first one; a chance may not be over 1.
        scale = max(1.0, float(known.max()))
        attraction, _, n_rounds = _run(looks, config, known / scale, is_known=True)
        return Fitted(attraction / scale, known, n_rounds, float("nan"))
    level = np.full(looks.n_looks, 0.5)
    attraction, examination, n_rounds = _run(looks, config, level, is_known=False)
    difference = float("nan")
    if config.n_starts == 2:
        falling = np.maximum(0.9 / np.arange(1, looks.n_looks + 1), 0.01)
        _, other, _ = _run(looks, config, falling, is_known=False)
        seen = np.bincount(looks.look, minlength=looks.n_looks) > 0
        first = int(np.argmax(seen))
        apart = np.abs(examination / examination[first] - other / other[first])[seen]
        difference = float(apart.max())
    return Fitted(attraction, examination, n_rounds, difference)


def _run(
    looks: Looks, config: EMConfig, examination: NDArray[np.float64], *, is_known: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Go in rounds from one start; return attraction, examination and the number of rounds."""
    pair, look = looks.pair, looks.look
    skips = looks.n - looks.clicks
    starts = np.flatnonzero(np.diff(pair, prepend=-1))
    seen = pair[starts]
    row_pair = np.cumsum(np.diff(pair, prepend=-1) > 0) - 1
    pair_clicks = np.add.reduceat(looks.clicks, starts) + config.prior_clicks
    pair_n = np.add.reduceat(looks.n, starts) + config.prior_clicks + config.prior_skips
    look_clicks = np.bincount(look, looks.clicks, looks.n_looks) + 1
    look_n = np.bincount(look, looks.n, looks.n_looks) + 2
    alpha, theta = np.full(seen.size, 0.5), examination
    n_rounds, change = 0, np.inf
    while n_rounds < config.n_rounds and change >= config.tolerance:
        n_rounds += 1
        a, g = alpha[row_pair], theta[look]
        r = skips / (1 - a * g)
        moved = alpha * np.add.reduceat((1 - g) * r, starts)
        new_alpha = np.clip((pair_clicks + moved) / pair_n, EDGE, 1 - EDGE)
        change = float(np.abs(new_alpha - alpha).max()) if is_known else 0.0
        if not is_known:
            moved = theta * np.bincount(look, (1 - a) * r, looks.n_looks)
            new_theta = np.clip((look_clicks + moved) / look_n, EDGE, 1 - EDGE)
            change = float(np.abs(new_theta - theta).max())
            theta = new_theta
        alpha = new_alpha
    attraction = np.full(looks.n_pairs, config.prior_mean)
    attraction[seen] = alpha
    return attraction, theta, n_rounds
