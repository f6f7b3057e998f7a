"""What a ranker saw, as it is recorded with the search: names once, then a row for each result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_ROWS: Final = 100
"""Most results of a list whose features are recorded, from the top."""

N_DIGITS: Final = 6
"""Significant digits that are recorded."""


class SeenRows(msgspec.Struct, frozen=True):
    """The features of one list.

    Example:
        >>> text = write_features(["score", "cosine"], np.array([[1 / 3, np.nan]]))
        >>> text
        '{"names":["score","cosine"],"rows":[[0.333333,null]]}'
        >>> read_features(text).to_matrix(["cosine", "score", "other"])
        array([[     nan, 0.333333,      nan]])
    """

    names: list[str]
    rows: list[list[float | None]]
    """One each for the first results, in shown order; null where a feature is unknown."""

    def to_matrix(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Return some features, `[n_rows, n_names]`; NaN where they are unknown or not there."""
        rows = np.array(self.rows, dtype=np.float64).reshape(len(self.rows), len(self.names))
        places = {name: place for place, name in enumerate(self.names)}
        columns = [
            rows[:, places[name]] if name in places else np.full(len(rows), np.nan)
            for name in names
        ]
        return np.stack(columns, axis=1) if columns else np.empty((len(rows), 0))


def write_features(names: Sequence[str], values: NDArray[np.float64]) -> str:
    """Write what was seen of the results of a list.

    Args:
        names: The features.
        values: `[n_results, n_features]`, NaN where unknown.
    """
    shown = values[:MAX_ROWS]
    # Whole digits cost nothing to shorten: the text of a float is its shortest.
    rows = [[float(f"{value:.{N_DIGITS}g}") for value in row] for row in shown.tolist()]
    return msgspec.json.encode({"names": list(names), "rows": rows}).decode()


def read_features(text: str) -> SeenRows:
    """Read what was recorded."""
    return msgspec.json.decode(text, type=SeenRows)
