"""How far answers depend on examination that the log cannot tell.

Where nothing is identified, a range of guesses is tried: θ = rank^-η. For each, the documents of a
query are compared by clicks over expected examinations. If the best document of most queries stays
the same whatever the guess, the lack does little harm; if not, nothing should be promoted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells

ETAS: Final = (0.0, 0.5, 1.0, 1.5, 2.0)
"""The exponents that are tried; 0 is no position bias at all."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What follows from one guess.

    Attributes:
        eta: The exponent.
        examination: `[n_positions]` float64, rank^-eta.
        changed_share: Share of clicked queries whose best document is another than with eta 0, in
            [0, 1]; each counts by its clicks.
    """

    eta: float
    examination: NDArray[np.float64]
    changed_share: float


def sweep(cells: Cells) -> list[Guess]:
    """Try each guess.

    Example:
        >>> from rankloop.bias.cells import Cells
        >>> cells = Cells.from_columns(
        ...     {
        ...         "query_key": ["q", "q"],
        ...         "document_id": ["a", "b"],
        ...         "position": [0, 1],
        ...         "n": [10, 10],
        ...         "clicks": [5, 4],
        ...     }
        ... )
        >>> [(guess.eta, guess.changed_share) for guess in sweep(cells)][:2]
        [(0.0, 0.0), (0.5, 1.0)]
    """
    rank = np.arange(1, cells.n_positions + 1, dtype=np.float64)
    counted = np.bincount(cells.pair, weights=cells.clicks, minlength=len(cells.pairs))
    clicks = counted.astype(np.float64)
    query_clicks = np.bincount(cells.pairs.query, weights=clicks)
    guesses: list[Guess] = []
    first: NDArray[np.int64] | None = None
    for eta in ETAS:
        examination: NDArray[np.float64] = np.power(rank, -eta)
        best = _find_best(cells, clicks, examination)
        first = best if first is None else first
        total = float(query_clicks.sum())
        changed = float(query_clicks[best != first].sum()) / total if total else 0.0
        guesses.append(Guess(eta, examination, changed))
    return guesses


def _find_best(
    cells: Cells, clicks: NDArray[np.float64], examination: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Find each query's best pair by clicks over expected examinations; the first of equals."""
    expected = np.bincount(
        cells.pair, weights=cells.n * examination[cells.position], minlength=clicks.size
    )
    rate = np.divide(clicks, expected, out=np.zeros(clicks.size), where=expected > 0)
    order = np.lexsort((np.arange(clicks.size), -rate, cells.pairs.query))
    starts = np.flatnonzero(np.diff(cells.pairs.query, prepend=-1))
    return order[starts].astype(np.int64)
