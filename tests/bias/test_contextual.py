"""Contexts that are looked at differently are told from those that are not."""

from __future__ import annotations

import numpy as np
import pytest

from rankloop.bias.cells import Cells
from rankloop.bias.contextual import compare_contexts
from rankloop.bias.sightings import sight

NODES = np.arange(4)
DESK = np.array([1.0, 0.7, 0.5, 0.4])
PHONE = np.array([1.0, 0.5, 0.25, 0.1])


def shuffled_lists(curves: dict[str, np.ndarray], seed: int = 0) -> Cells:
    """Count lists in random order, read by the curve of each device."""
    rng = np.random.default_rng(seed)
    attraction = rng.beta(2, 4, 40)
    parts = []
    for device, curve in curves.items():
        pair, position = (grid.ravel() for grid in np.meshgrid(np.arange(40), NODES))
        n = np.full(pair.size, 100)
        clicks = rng.binomial(n, attraction[pair] * curve[position])
        parts.append((pair, position, n, clicks, np.full(pair.size, device)))
    pair, position, n, clicks, device = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return Cells.from_columns(
        {
            "query_key": pair // 4,
            "document_id": pair,
            "position": position,
            "n": n,
            "clicks": clicks,
            "device": device,
        }
    )


def test_devices_that_differ_are_found() -> None:
    contextual = compare_contexts(
        sight(shuffled_lists({"desk": DESK, "phone": PHONE}), NODES), NODES, ["pair"]
    )

    assert contextual is not None
    assert contextual.is_different
    assert contextual.contexts == (("", "desk"), ("", "phone"))
    assert contextual.n_freedom == 3
    desk, phone = (np.exp(curve.beta) for curve in contextual.curves)
    assert desk == pytest.approx(DESK, rel=0.2)
    assert phone == pytest.approx(PHONE, rel=0.35)


def test_devices_that_do_not_differ_are_seldom_found() -> None:
    found = [
        compare_contexts(
            sight(shuffled_lists({"desk": DESK, "phone": DESK}, seed), NODES), NODES, ["pair"]
        )
        for seed in range(20)
    ]

    assert sum(contextual.is_different for contextual in found if contextual is not None) <= 1


def test_one_device_is_not_compared() -> None:
    assert compare_contexts(sight(shuffled_lists({"desk": DESK}), NODES), NODES, ["pair"]) is None
