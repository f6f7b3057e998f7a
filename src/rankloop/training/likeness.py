"""Likeness: how close vectors are, for as many pairs as there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK: Final = 16_384
"""Pairs compared at a time, so that memory follows the vectors and not the comparisons."""


def compare_rows(
    left: NDArray[np.floating[Any]],
    left_places: NDArray[np.int64],
    right: NDArray[np.floating[Any]],
    right_places: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the cosine between rows of two tables of vectors.

    Args:
        left: `[n_left, n_dimensions]`; a row of NaN, or of zeros, is no vector.
        left_places: `[n]` int64, rows of it.
        right: `[n_right, n_dimensions]`.
        right_places: `[n]` int64, rows of it.

    Returns:
        `[n]` float64 in [-1, 1]; NaN where one of the two has no vector.

    Example:
        >>> vectors = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
        >>> compare_rows(vectors, np.array([0, 0]), vectors, np.array([1, 2])).tolist()
        [0.6, nan]
    """
    lengths = [np.sqrt(np.einsum("ij,ij->i", each, each, dtype=float)) for each in (left, right)]
    for length in lengths:
        length[length == 0] = np.nan
    cosine = np.empty(left_places.size)
    for begin in range(0, left_places.size, BLOCK):
        one, other = left_places[begin : begin + BLOCK], right_places[begin : begin + BLOCK]
        product = np.einsum("ij,ij->i", left[one], right[other], dtype=float)
        cosine[begin : begin + BLOCK] = product / (lengths[0][one] * lengths[1][other])
    return cosine
