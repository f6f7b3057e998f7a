"""Vectors made sure of: the right length, finite, and one long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rankloop.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def to_unit(vector: Any, dimension: int | None, where: str) -> NDArray[np.float32]:  # noqa: ANN401
    """Return a vector at length one.

    Args:
        vector: `[dimension]` numbers.
        dimension: How many there must be; None for any number above 0.
        where: JSON pointer for the error.

    Returns:
        `[dimension]` float32.

    Raises:
        InputError: It has another length, holds something that is no finite number, or is zero.

    Example:
        >>> to_unit([3.0, 4.0], 2, "/vector").tolist()
        [0.6, 0.8]
    """
    try:
        numbers = np.asarray(vector, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError("a vector is a list of numbers", where=where) from error
    if numbers.ndim != 1 or not len(numbers):
        raise InputError("a vector is a list of numbers", where=where)
    if dimension is not None and len(numbers) != dimension:
        raise InputError(
            f"the vector has length {len(numbers)}, the index holds vectors of {dimension}",
            where=where,
        )
    norm = float(np.linalg.norm(numbers))
    if not np.isfinite(norm) or norm == 0.0:
        raise InputError("a vector must be finite and not all zeros", where=where)
    return (numbers / norm).astype(np.float32)
