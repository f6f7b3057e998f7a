"""What a log can tell about examination, read off a graph whose nodes are ranks.

The information of the fixed-effects likelihood is a graph Laplacian. The edge between two ranks
weighs Σ_i C_i π_ik π_il, the swap information: how many clicks fell on documents that were shown at
both, evenly split ones counting most. Ranks that no chain of edges joins have scales of their own
and cannot be compared at all; for ranks that are joined, the variance of log θ is the effective
resistance between them, as if edges were wires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.bias.harvesting import Harvest

Light = Literal["green", "amber", "red"]
"""Whether one rank's estimate may be relied on: yes, with care, no."""

GREEN: Final = 0.10
"""Largest standard error of log examination that counts as good."""

AMBER: Final = 0.25
"""Largest standard error of log examination that is still usable."""

CLICKS_PER_SWAP: Final = 400.0
"""Clicks on documents swapped between two ranks that give their ratio a standard error of 0.1.

Half of them on each rank, the variance of the log ratio is 1/200 + 1/200.
"""


@dataclass(frozen=True, slots=True)
class Graph:
    """Ranks, and how well the log joins them.

    Attributes:
        weight: `[n_nodes, n_nodes]` float64, swap information; 0 on the diagonal.
        components: Nodes that hang together, each list ascending, by their first node.
        resistance: `[n_nodes]` float64, between each node and the first; infinite where nothing
            joins them. Its root is the standard error of log examination without clustering.
        fiedler: Second smallest eigenvalue of the Laplacian of the first node's component: how
            hard it is to cut in two; 0 where the first node stands alone.
    """

    weight: NDArray[np.float64]
    components: tuple[tuple[int, ...], ...]
    resistance: NDArray[np.float64]
    fiedler: float

    @property
    def is_joined(self) -> NDArray[np.bool_]:
        """`[n_nodes]` bool, the nodes that hang together with the first, itself included."""
        return np.isfinite(self.resistance)


def build_graph(information: NDArray[np.float64]) -> Graph:
    """Read a Laplacian as a graph.

    Args:
        information: `[n_nodes, n_nodes]`, rows add up to 0.

    Example:
        >>> graph = build_graph(np.array([[4.0, -4.0, 0.0], [-4.0, 4.0, 0.0], [0.0, 0.0, 0.0]]))
        >>> graph.components, graph.resistance.tolist(), graph.fiedler
        (((0, 1), (2,)), [0.0, 0.25, inf], 8.0)
    """
    n_nodes = information.shape[0]
    weight = -information * ~np.eye(n_nodes, dtype=bool)
    weight = np.where(weight > 1e-12, weight, 0.0)
    _, label = connected_components(sparse.csr_array(weight), directed=False)
    groups: dict[int, list[int]] = {}
    for node, name in enumerate(label.tolist()):
        groups.setdefault(name, []).append(node)
    components = tuple(tuple(nodes) for nodes in groups.values())
    resistance = np.full(n_nodes, np.inf)
    joined = list(components[0]) if components else []
    laplacian = np.diag(weight.sum(axis=1)) - weight
    part = laplacian[np.ix_(joined, joined)]
    resistance[joined[:1]] = 0.0
    if len(joined) < 2:
        return Graph(weight, components, resistance, 0.0)
    resistance[joined[1:]] = np.diag(np.linalg.inv(part[1:, 1:]))
    return Graph(weight, components, resistance, float(np.linalg.eigvalsh(part)[1]))


def find_settled(harvested: Harvest) -> NDArray[np.bool_]:
    """Find the nodes that clicks hold in place relative to the first, itself included.

    A node that is never clicked next to another would be estimated as 0, and one next to which the
    other is never clicked as infinite: both directions need a click on a document shown at both.

    Returns:
        `[n_nodes]` bool: the strongly connected nodes around the first, where an edge leads from a
        node to each that was clicked on a document of its own.
    """
    shown = harvested.spread(np.ones(harvested.node.size))
    clicked = harvested.spread(np.minimum(harvested.clicks, 1.0))
    edges = (shown.T @ clicked).tocsr()
    edges.eliminate_zeros()
    _, label = connected_components(edges, directed=True, connection="strong")
    return np.asarray(label == label[0], dtype=bool)


def light_up(std_error: NDArray[np.float64]) -> list[Light]:
    """Say which estimates may be relied on.

    Example:
        >>> light_up(np.array([0.0, 0.2, np.inf]))
        ['green', 'amber', 'red']
    """
    return [
        "green" if error <= GREEN else "amber" if error <= AMBER else "red"
        for error in std_error.tolist()
    ]


@dataclass(frozen=True, slots=True)
class Swap:
    """Two neighbors to exchange now and then, and how long.

    Attributes:
        nodes: The two nodes.
        n_clicks: Clicks on exchanged documents still wanted for a standard error of 0.1.
    """

    nodes: tuple[int, int]
    n_clicks: int


def plan_swaps(graph: Graph, std_error: NDArray[np.float64]) -> list[Swap]:
    """Say which neighbors to exchange so that every node's light turns green.

    Args:
        graph: What the log joins already.
        std_error: `[n_nodes]` of log examination; infinite where it is not identified.

    Returns:
        Each node that is not green with the one above it, where they lack information.

    Example:
        >>> plan_swaps(build_graph(np.zeros((2, 2))), np.array([0.0, np.inf]))
        [Swap(nodes=(0, 1), n_clicks=400)]
    """
    swaps = []
    for node in np.flatnonzero(std_error > GREEN).tolist():
        # A click on an evenly split document brings a quarter of swap information.
        missing = CLICKS_PER_SWAP - 4.0 * float(graph.weight[node - 1, node])
        if node and missing > 0:
            swaps.append(Swap((node - 1, node), int(np.ceil(missing))))
    return swaps


def pool_positions(n_positions: int, n_single: int = 10) -> NDArray[np.int64]:
    """Give each position a node: the first ones one of their own, deeper ones five together.

    Ranks 1 to 10 stand alone, then 11 to 15, 16 to 20 and so on to 50 are pooled, and then 51 to
    100 and all beyond.

    Returns:
        `[n_positions]` int64, ascending.

    Example:
        >>> pool_positions(17).tolist()
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10, 10, 11, 11]
    """
    position = np.arange(n_positions)
    bounds = [*range(1, n_single + 1), *range(n_single + 5, max(n_single + 6, 51), 5), 100]
    return np.searchsorted(np.array(bounds), position, side="right").astype(np.int64)


def list_nodes(node_of: NDArray[np.int64]) -> Sequence[tuple[int, int]]:
    """List each node's first and last position.

    Example:
        >>> list_nodes(np.array([0, 1, 1]))
        [(0, 0), (1, 2)]
    """
    n_nodes = int(node_of.max(initial=-1)) + 1
    first = np.searchsorted(node_of, np.arange(n_nodes), side="left")
    last = np.searchsorted(node_of, np.arange(n_nodes), side="right") - 1
    return list(zip(first.tolist(), last.tolist(), strict=True))
