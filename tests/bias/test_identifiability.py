"""The graph of ranks says what a log can tell, and what would help."""

from __future__ import annotations

import numpy as np
import pytest

from rankloop.bias.cells import Cells
from rankloop.bias.harvesting import harvest
from rankloop.bias.identifiability import (
    Swap,
    build_graph,
    find_settled,
    light_up,
    list_nodes,
    plan_swaps,
    pool_positions,
)
from rankloop.bias.sightings import sight


def to_laplacian(weight: list[list[float]]) -> np.ndarray:
    """Turn weights of edges into a Laplacian."""
    weights = np.array(weight)
    return np.diag(weights.sum(axis=1)) - weights


def test_resistances_in_a_row_add_up() -> None:
    graph = build_graph(to_laplacian([[0, 4, 0], [4, 0, 2], [0, 2, 0]]))

    assert graph.resistance == pytest.approx([0, 1 / 4, 1 / 4 + 1 / 2])


def test_resistances_side_by_side_are_less_than_each() -> None:
    # A triangle: 1 directly, beside two of 1 in a row.
    graph = build_graph(to_laplacian([[0, 1, 1], [1, 0, 1], [1, 1, 0]]))

    assert graph.resistance == pytest.approx([0, 2 / 3, 2 / 3])
    assert graph.fiedler == pytest.approx(3)


def test_ranks_without_an_edge_are_components_of_their_own() -> None:
    graph = build_graph(to_laplacian([[0, 0, 1], [0, 0, 0], [1, 0, 0]]))

    assert graph.components == ((0, 2), (1,))
    assert graph.is_joined.tolist() == [True, False, True]


def test_the_resistance_is_the_variance_of_the_fit() -> None:
    laplacian = to_laplacian([[0, 5, 1], [5, 0, 3], [1, 3, 0]])

    graph = build_graph(laplacian)

    assert graph.resistance[1:] == pytest.approx(np.diag(np.linalg.inv(laplacian[1:, 1:])))


def test_a_rank_clicked_on_one_side_alone_is_not_settled() -> None:
    cells = Cells.from_columns(
        {
            "query_key": ["q"] * 4,
            "document_id": ["a", "a", "b", "b"],
            "position": [0, 1, 1, 2],
            "n": [9] * 4,
            "clicks": [3, 2, 1, 0],
        }
    )

    settled = find_settled(harvest(sight(cells, np.arange(3)), ["pair"]))

    assert settled.tolist() == [True, True, False]


def test_lights_have_two_bounds() -> None:
    assert light_up(np.array([0.10, 0.11, 0.25, 0.26])) == ["green", "amber", "amber", "red"]


def test_400_clicks_on_an_edge_give_a_standard_error_of_a_tenth() -> None:
    # 400 clicks, half of them at each rank.
    graph = build_graph(to_laplacian([[0, 400 * 0.25], [400 * 0.25, 0]]))

    assert np.sqrt(graph.resistance[1]) == pytest.approx(0.1)
    assert plan_swaps(graph, np.array([0.0, 0.1001])) == []


def test_what_an_edge_has_is_taken_off_the_plan() -> None:
    graph = build_graph(to_laplacian([[0, 25, 0], [25, 0, 0], [0, 0, 0]]))

    assert plan_swaps(graph, np.array([0.0, 0.2, np.inf])) == [
        Swap((0, 1), 300),
        Swap((1, 2), 400),
    ]


def test_deep_positions_are_pooled() -> None:
    nodes = list_nodes(pool_positions(130))

    assert nodes[:11] == [*((k, k) for k in range(10)), (10, 14)]
    assert nodes[-3:] == [(45, 49), (50, 99), (100, 129)]
