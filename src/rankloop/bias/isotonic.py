"""The nearest curve of examination that never rises: for the eye, never for weighting.

Grids, advertisements and screens that end after the third result make real curves rise, so none
is forced to fall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import isotonic_regression

if TYPE_CHECKING:
    from numpy.typing import NDArray


def smooth(beta: NDArray[np.float64], std_error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit the falling curve nearest to log examination, each node by its precision.

    Args:
        beta: `[n_nodes]` float64, log examination; NaN where it is not identified.
        std_error: `[n_nodes]` float64 of it.

    Returns:
        `[n_nodes]` float64 examination; 1 at the first node, NaN where not identified.

    Example:
        >>> smooth(np.log([1.0, 0.4, 0.6, 0.1]), np.array([0.0, 0.1, 0.1, 0.1])).round(3)
        array([1.  , 0.49, 0.49, 0.1  ])
    """
    curve = np.full(beta.size, np.nan)
    known = np.isfinite(beta)
    if known.any():
        weights = 1.0 / np.maximum(std_error[known], 1e-6) ** 2
        fitted = isotonic_regression(beta[known], weights=weights, increasing=False)
        curve[known] = np.exp(fitted.x)
    return curve
