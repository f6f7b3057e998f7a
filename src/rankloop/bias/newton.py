"""The fixed-effects Poisson likelihood of examination, and its maximum by Newton's method.

Clicks of effect i at node k are taken to be n_ik θ_k a_i on average: how often it was shown there,
how likely the node is looked at, how attractive the document is. Given an effect's clicks C_i, the
share that falls on each node no longer depends on a_i:

    log L(β) = Σ_i Σ_k c_ik log π_ik,   π_ik = n_ik exp β_k / Σ_j n_ij exp β_j,   β = log θ

so that no attraction has to be estimated and none can be estimated badly. The likelihood is
concave. It needs the means alone: clicks may be counted once or many times a person, as long as
errors are taken by person.

Source:
    Hausman, Hall and Griliches, "Econometric Models for Count Data with an Application to the
    Patents-R&D Relationship", Econometrica 1984. Harvesting: Agarwal et al., "Estimating Position
    Bias without Intrusive Interventions", WSDM 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rankloop.bias.harvesting import Harvest

MAX_STEPS: Final = 50
"""Hard stop; a log of any size takes five to eight steps."""

CHUNK: Final = 2**13
"""Effects whose shares are laid out at a time."""

TOLERANCE: Final = 1e-6
"""Stop once no logarithm moves by more than this in one step.

Each step squares what is left, so that the maximum is met to some 1e-12.
"""

ROUGH: Final = 1e-2
"""The same for a curve that another search only starts from."""

MAX_MOVE: Final = 2.0
"""Longest step of one logarithm, so that a first step over a cliff does not end the search."""


MAX_BETA: Final = 15.0
"""Log examination beyond which there is no maximum: a rank in three million looked at."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The maximum of the likelihood over the curves that a basis spans.

    Attributes:
        beta: `[n_nodes]` float64, log examination; 0 at the first node, and wherever the basis is.
        basis: `[n_nodes, n_parameters]` float64, the directions that were searched.
        information: `[n_nodes, n_nodes]` float64, second derivatives of minus the log likelihood:
            a Laplacian, rows add up to 0.
        n_steps: Newton steps taken; `MAX_STEPS` if it did not settle.
    """

    beta: NDArray[np.float64]
    basis: NDArray[np.float64]
    information: NDArray[np.float64]
    n_steps: int

    @property
    def is_settled(self) -> bool:
        """Whether there is a maximum; false where clicks push some node off to 0 or beyond."""
        return self.n_steps < MAX_STEPS and float(np.abs(self.beta).max(initial=0.0)) < MAX_BETA

    def invert(self, penalty: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Invert the information, and a penalty's, within the basis: `[n_nodes, n_nodes]`."""
        bend = self.information if penalty is None else self.information + penalty
        inner = self.basis.T @ bend @ self.basis
        return np.asarray(self.basis @ np.linalg.pinv(inner, hermitian=True) @ self.basis.T)


def build_basis(is_fitted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Let every fitted node but the first go its own way.

    Args:
        is_fitted: `[n_nodes]` bool, node 0 included.

    Example:
        >>> build_basis(np.array([True, False, True])).tolist()
        [[0.0], [0.0], [1.0]]
    """
    return np.eye(is_fitted.size)[:, is_fitted][:, 1:]


def lay_out(
    harvested: Harvest, beta: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Lay out the shares of each effect's clicks that nodes are expected to get, in parts.

    Rows of an effect are few and neighbors, and a part fits the processor's own memory: passing
    over it several times costs less than passing over all effects once.

    Yields:
        Which effects, and `[n_effects of them, n_nodes]` float64 shares; 0 where it was not shown.
    """
    weight, n_nodes = np.exp(beta), harvested.n_nodes
    ends = np.append(harvested.start, harvested.node.size)
    for first in range(0, harvested.start.size, CHUNK):
        last = min(first + CHUNK, harvested.start.size)
        rows = slice(ends[first], ends[last])
        node = harvested.node[rows]
        place = np.repeat(np.arange(last - first) * n_nodes, np.diff(ends[first : last + 1]))
        shares = np.zeros((last - first, n_nodes))
        shares.ravel()[place + node] = harvested.n[rows] * weight[node]
        shares /= shares.sum(axis=1, keepdims=True)
        yield slice(first, last), shares


def expect(
    harvested: Harvest, beta: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the clicks that each node is expected to get, and the information.

    The information is a Laplacian; the weight between two nodes is Σ_i C_i π_ik π_il, their swap
    information.

    Returns:
        `[n_nodes]` expected clicks and `[n_nodes, n_nodes]` information.
    """
    total, n_nodes = harvested.total, harvested.n_nodes
    expected, swapped = np.zeros(n_nodes), np.zeros((n_nodes, n_nodes))
    for effects, shares in lay_out(harvested, beta):
        clicks = shares * total[effects, np.newaxis]
        expected += clicks.sum(axis=0)
        swapped += clicks.T @ shares
    return expected, np.asarray(np.diag(swapped.sum(axis=1)) - swapped)


def measure_likelihood(harvested: Harvest, beta: NDArray[np.float64]) -> float:
    """Compute the log likelihood, up to a constant of the data."""
    weight = harvested.n * np.exp(beta)[harvested.node]
    totals = np.repeat(harvested.sum_by_effect(weight), harvested.lengths)
    return float(harvested.clicks @ np.log(weight / totals)) if weight.size else 0.0


def maximize(
    harvested: Harvest,
    basis: NDArray[np.float64],
    penalty: NDArray[np.float64] | None = None,
    start: NDArray[np.float64] | None = None,
    tolerance: float = TOLERANCE,
) -> Fit:
    """Find the maximum of the likelihood over the curves that a basis spans.

    Args:
        harvested: What was shown at several nodes, and clicked.
        basis: `[n_nodes, n_parameters]` directions in which log examination may go; 0 in row 0.
        penalty: `[n_nodes, n_nodes]` precision of a prior with mean 0, or none.
        start: `[n_nodes]` where to begin, within the basis; 0 everywhere when left out.
        tolerance: Longest last step of a logarithm.

    Example:
        >>> from rankloop.bias.cells import Cells
        >>> from rankloop.bias.harvesting import harvest
        >>> from rankloop.bias.sightings import sight
        >>> cells = Cells.from_columns(
        ...     {
        ...         "query_key": ["q", "q"],
        ...         "document_id": ["d", "d"],
        ...         "position": [0, 1],
        ...         "n": [100, 200],
        ...         "clicks": [40, 20],
        ...     }
        ... )
        >>> seen = sight(cells, np.arange(2))
        >>> fit = maximize(harvest(seen, ["pair"]), np.array([[0.0], [1.0]]))
        >>> np.exp(fit.beta).round(6)
        array([1.  , 0.25])
    """
    beta = np.zeros(harvested.n_nodes) if start is None else start.copy()
    prior = np.zeros((beta.size, beta.size)) if penalty is None else penalty
    clicks = harvested.clicks_by_node
    n_steps, moved = 0, np.inf
    expected, information = expect(harvested, beta)
    while moved > tolerance and n_steps < MAX_STEPS and basis.shape[1]:
        bend = basis.T @ (information + prior) @ basis
        step = np.linalg.lstsq(bend, basis.T @ (clicks - expected - prior @ beta), rcond=None)[0]
        step = basis @ np.clip(step, -MAX_MOVE, MAX_MOVE)
        beta += step
        moved = float(np.abs(step).max())
        n_steps += 1
        expected, information = expect(harvested, beta)
    return Fit(beta, basis, information, n_steps)
