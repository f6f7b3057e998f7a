"""The likelihood has its maximum where hand-worked shares say, whatever the attraction."""

from __future__ import annotations

import numpy as np
import pytest

from rankloop.bias.cells import Cells
from rankloop.bias.harvesting import harvest
from rankloop.bias.newton import MAX_STEPS, build_basis, expect, maximize, measure_likelihood
from rankloop.bias.sightings import sight

NODES = np.arange(3)


def moved_documents(scale: float = 1.0) -> Cells:
    """Count two documents at three ranks, one `scale` times as attractive as it could be."""
    return Cells.from_columns(
        {
            "query_key": ["q"] * 6,
            "document_id": ["a"] * 3 + ["b"] * 3,
            "position": [0, 1, 2] * 2,
            "n": [1_000, 2_000, 4_000, 1_000, 1_000, 1_000],
            "clicks": [400, 400, 400, int(100 * scale), int(50 * scale), int(25 * scale)],
        }
    )


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_examination_does_not_depend_on_attraction(scale: float) -> None:
    harvested = harvest(sight(moved_documents(scale), NODES), ["pair"])

    fit = maximize(harvested, build_basis(np.ones(3, dtype=bool)))

    assert np.exp(fit.beta) == pytest.approx([1, 0.5, 0.25])
    assert fit.is_settled
    assert fit.n_steps < 10


def test_rows_of_the_information_add_up_to_nothing() -> None:
    harvested = harvest(sight(moved_documents(), NODES), ["pair"])

    expected, information = expect(harvested, np.zeros(3))

    assert expected.sum() == pytest.approx(harvested.n_clicks)
    assert information.sum(axis=0) == pytest.approx(np.zeros(3))
    assert information == pytest.approx(information.T)


def test_the_information_is_the_bend_of_the_likelihood() -> None:
    harvested = harvest(sight(moved_documents(), NODES), ["pair"])

    def measure(b: float) -> float:
        return measure_likelihood(harvested, np.array([0.0, b, -1.0]))

    bend = -(measure(0.001) - 2 * measure(0.0) + measure(-0.001)) / 0.001**2
    _, information = expect(harvested, np.array([0.0, 0.0, -1.0]))

    assert information[1, 1] == pytest.approx(bend, rel=1e-3)


def test_a_maximum_that_is_not_there_is_not_reported() -> None:
    cells = Cells.from_columns(
        {
            "query_key": ["q"] * 2,
            "document_id": ["a"] * 2,
            "position": [0, 1],
            "n": [9, 9],
            "clicks": [0, 5],
        }
    )

    fit = maximize(harvest(sight(cells, np.arange(2)), ["pair"]), np.array([[0.0], [1.0]]))

    assert not fit.is_settled
    assert fit.n_steps <= MAX_STEPS
