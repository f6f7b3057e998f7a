"""What the stages that go by people's doings have in common: types they name, and small scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from rankloop.errors import Fault, FaultsError
from rankloop.events.types import SIGNAL_BITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rankloop.stages.base import Candidates

TypeNames = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=64)]
"""Interaction types."""

BoostWeight = Annotated[float, msgspec.Meta(ge=0.0, le=10.0)]
"""How far a stage may move a score, in standard deviations of the incoming scores."""


def check_types(names: Sequence[str]) -> None:
    """Refuse types that the counters do not tell apart.

    Raises:
        FaultsError: A type is a custom one.

    Example:
        >>> check_types(["click", "hovered"])
        Traceback (most recent call last):
        rankloop.errors.FaultsError: counters know the built-in types only, not 'hovered'
    """
    faults = [
        Fault(
            f"/interaction_types/{index}",
            "unknown_type",
            f"counters know the built-in types only, not {name[:64]!r}",
        )
        for index, name in enumerate(names)
        if name not in SIGNAL_BITS
    ]
    if faults:
        raise FaultsError(faults[0].detail, faults)


def to_bit_weights(signal_weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Return `[32]` weights by the bit of the type; custom types have none."""
    weights = np.zeros(32)
    for name, bit in SIGNAL_BITS.items():
        weights[bit] = signal_weights.get(name, 0.0)
    return weights


def measure_spread(candidates: Candidates) -> float:
    """Return the standard deviation of the incoming scores, 1 where they are all equal.

    Example:
        >>> from rankloop.stages.base import Candidates
        >>> measure_spread(Candidates(("a", "b"), np.array([3.0, 1.0])))
        1.0
    """
    return float(candidates.scores.std()) or 1.0
