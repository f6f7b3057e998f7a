"""Examination by surface and device: one curve for all, or one for each?

A list on a telephone is looked at otherwise than one on a desk. Where each context can be fitted
by itself, the fits together are compared with one curve for all by a likelihood-ratio test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import chdtrc

from rankloop.bias.clustering import estimate_spread
from rankloop.bias.curves import Curve, estimate_curve
from rankloop.bias.harvesting import count_by_group, harvest
from rankloop.bias.identifiability import find_settled
from rankloop.bias.newton import build_basis, maximize, measure_likelihood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.bias.harvesting import Harvest
    from rankloop.bias.newton import Fit
    from rankloop.bias.sightings import Effect, Sightings

MIN_CLICKS: Final = 200
"""Fewer harvested clicks do not make a curve worth comparing."""

LEVEL: Final = 0.01
"""Chance that contexts are said to differ where they do not."""


@dataclass(frozen=True, slots=True)
class Contextual:
    """Curves by context, and whether they differ.

    Attributes:
        contexts: `(surface, device)` of each context with clicks enough; at least two.
        curves: The curve of each.
        statistic: Twice the gain in log likelihood over one curve for all, divided by how much
            more people's clicks vary than independent ones.
        n_freedom: Ranks that were free to differ.
        p_value: Chance of such a gain where all contexts share one curve; 1 where nothing could
            be compared.
    """

    contexts: tuple[tuple[str, str], ...]
    curves: tuple[Curve, ...]
    statistic: float
    n_freedom: int
    p_value: float

    @property
    def is_different(self) -> bool:
        """Whether one curve for all would mislead."""
        return self.p_value < LEVEL


def compare_contexts(
    seen: Sightings, node_of: NDArray[np.int64], by: Sequence[Effect]
) -> Contextual | None:
    """Fit each context by itself and test whether the curves differ.

    Args:
        seen: What was shown where, and who clicked.
        node_of: `[n_positions]` int64, the node of each position.
        by: What attraction may differ by besides the pair.

    Returns:
        None where fewer than two contexts have 200 harvested clicks.
    """
    if len(seen.contexts) < 2:
        return None
    parts: list[tuple[tuple[str, str], Sightings, Curve]] = []
    for place, context in enumerate(seen.contexts):
        part = seen.select(seen.context == place)
        curve = estimate_curve(part, node_of, by)
        if curve.n_clicks >= MIN_CLICKS:
            parts.append((context, part, curve))
    if len(parts) < 2:
        return None
    kept = np.isin(seen.context, [seen.contexts.index(context) for context, _, _ in parts])
    statistic, n_freedom = _test(seen.select(kept), [part for _, part, _ in parts], by)
    return Contextual(
        contexts=tuple(context for context, _, _ in parts),
        curves=tuple(curve for _, _, curve in parts),
        statistic=statistic,
        n_freedom=n_freedom,
        p_value=float(chdtrc(n_freedom, statistic)) if n_freedom else 1.0,
    )


def _test(whole: Sightings, parts: Sequence[Sightings], by: Sequence[Effect]) -> tuple[float, int]:
    """Compare the parts' likelihoods with that of one curve; say how many ranks could differ."""
    harvests = [harvest(part, by) for part in parts]
    common = np.logical_and.reduce([find_settled(part) for part in harvests])
    n_free = int(common.sum()) - 1
    if n_free < 1:
        return 0.0, 0
    basis = build_basis(common)
    apart = sum(_fit(part.restrict(common), basis)[1] for part in harvests)
    effects: list[Effect] = [*by, "context"]
    pooled = harvest(whole, effects).restrict(common)
    together, likelihood = _fit(pooled, basis)
    grouped = count_by_group(whole, effects, pooled)
    ratio = np.diag(estimate_spread(grouped, pooled, together).covariance)[common][1:]
    inflation = max(float(np.mean(ratio / np.diag(together.invert())[common][1:])), 1.0)
    gain = max(2.0 * (apart - likelihood), 0.0)
    return gain / inflation, n_free * (len(parts) - 1)


def _fit(harvested: Harvest, basis: NDArray[np.float64]) -> tuple[Fit, float]:
    """Fit one curve; say how likely it makes the clicks."""
    fit = maximize(harvested, basis)
    return fit, measure_likelihood(harvested, fit.beta)
