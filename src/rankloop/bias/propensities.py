"""Propensities: how likely each position is looked at, relative to the first, with its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Status = Literal["identified", "weak", "not_identifiable"]
"""Whether the log can tell position and document apart: well, barely, or not at all."""


@dataclass(frozen=True, slots=True)
class Propensities:
    """Examination by position, and how well the log determines it.

    Attributes:
        examination: `[n_positions]` float64 above 0, relative to position 0, which is 1; NaN
            where the log does not identify it.
        std_error: `[n_positions]` float64, standard error of the logarithm of `examination`; 0 at
            position 0, infinite where it is not identified.
        status: Whether the estimates may be used.
        method: How they were made: `fixed_effects`, `shrunk`, `power_law`, or `none`.
    """

    examination: NDArray[np.float64]
    std_error: NDArray[np.float64]
    status: Status
    method: str
