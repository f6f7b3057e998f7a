"""Evidence: how often each pair would have been looked at, and how often it was clicked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells, Pairs


@dataclass(frozen=True, slots=True)
class Placed:
    """Counts by pair and position, sorted by both; every array is `[n_placed]`.

    Attributes:
        pair: int64, place in the pairs.
        position: int64, where the document stood, from 0.
        examination: float64, that of the position.
        n: int64, impressions.
        clicks: int64, impressions that were clicked.
    """

    pair: NDArray[np.int64]
    position: NDArray[np.int64]
    examination: NDArray[np.float64]
    n: NDArray[np.int64]
    clicks: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a click log knows of each pair once position is taken out of it.

    Every array is `[n_pairs]` and follows `pairs`.

    Attributes:
        pairs: Which (query, document) pairs.
        clicks: int64, impressions that were clicked.
        examinations: float64, how often it was looked at, in looks at position 0: the sum of the
            examination of the positions at which it was shown.
        impressions: int64, how often it was shown.
        mean_position: float64, where it stood on average, from 0; NaN where it was never shown.
        most_examination: float64, examination of the best position it was shown at; 0 where it
            was never shown.
        unplaced: Impressions left out because the examination of their position is not known.
        placed: The counts behind the sums.
    """

    pairs: Pairs
    clicks: NDArray[np.int64]
    examinations: NDArray[np.float64]
    impressions: NDArray[np.int64]
    mean_position: NDArray[np.float64]
    most_examination: NDArray[np.float64]
    unplaced: int
    placed: Placed


def collect_evidence(cells: Cells, examination: NDArray[np.float64]) -> Evidence:
    """Sum cells to pairs, each impression by the examination of its position.

        E = sum over positions k of n_k theta_k,    C = sum of clicks

    C / E is the click-over-expected-clicks estimate, and exactly the policy-aware inverse
    propensity estimate: its propensity is the average over the positions that the logger used.
    Counts are added as whole numbers before they are weighted, so that the order of the cells
    changes no bit of the result.

    Args:
        cells: The log.
        examination: `[n_positions]` float64 above 0, relative to position 0. Positions beyond the
            last and those that are NaN are left out with their clicks.

    Raises:
        TableError: An examination is not above 0, or infinite.

    Example:
        >>> from rankloop.bias.cells import Cells, Pairs
        >>> one = np.zeros(2, np.int64)
        >>> pairs = Pairs(one[:1], np.array(["shoes"], object), np.array(["d1"], object))
        >>> cells = Cells(one, np.arange(2), one - 1, one, one, one, one + 10, one + 1, pairs)
        >>> collect_evidence(cells, np.array([1.0, 0.5])).examinations
        array([15.])
    """
    if np.any(examination <= 0) or np.any(np.isinf(examination)):
        raise TableError("an examination is not a number above 0", where="examination")
    n_pairs = len(cells.pairs)
    placed, unplaced = _place(cells, examination)
    impressions = _total(placed.pair, placed.n, n_pairs)
    depth = np.bincount(placed.pair, weights=placed.n * placed.position, minlength=n_pairs)
    looks = np.bincount(placed.pair, placed.n * placed.examination, n_pairs)
    most = np.zeros(n_pairs)
    np.maximum.at(most, placed.pair, placed.examination)
    return Evidence(
        pairs=cells.pairs,
        clicks=_total(placed.pair, placed.clicks, n_pairs),
        examinations=looks.astype(np.float64),
        impressions=impressions,
        mean_position=np.divide(
            depth, impressions, out=np.full(n_pairs, np.nan), where=impressions > 0
        ),
        most_examination=most,
        unplaced=unplaced,
        placed=placed,
    )


def _place(cells: Cells, examination: NDArray[np.float64]) -> tuple[Placed, int]:
    """Add up what differs in neither pair nor position; count what has no examination."""
    known = np.zeros(max(examination.size, cells.n_positions), dtype=bool)
    known[: examination.size] = ~np.isnan(examination)
    used = np.flatnonzero(known[cells.position])
    unplaced = cells.n_impressions - int(cells.n[used].sum())
    used = used[np.lexsort((cells.position[used], cells.pair[used]))]
    pair, position = cells.pair[used], cells.position[used].astype(np.int64)
    if not used.size:
        none = np.empty(0, np.int64)
        return Placed(none, none, np.empty(0), none, none), unplaced
    is_new = (np.diff(pair) != 0) | (np.diff(position) != 0)
    first = np.flatnonzero(np.concatenate(([True], is_new)))
    return Placed(
        pair=pair[first],
        position=position[first],
        examination=examination[position[first]],
        n=np.add.reduceat(cells.n[used], first),
        clicks=np.add.reduceat(cells.clicks[used], first),
    ), unplaced


def _total(pair: NDArray[np.int64], counts: NDArray[np.int64], n_pairs: int) -> NDArray[np.int64]:
    """Sum whole numbers by pair, exactly."""
    totals = np.zeros(n_pairs, dtype=np.int64)
    np.add.at(totals, pair, counts)
    return totals
