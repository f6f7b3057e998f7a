"""Values are drawn to a power law by as much as they lie around one."""

from __future__ import annotations

import numpy as np
import pytest

from rankloop.bias.shrinkage import SCATTERS, steady

LINE = np.log(np.arange(2, 8))


def test_values_on_a_line_stay_on_it() -> None:
    steadied = steady(-1.3 * LINE, 0.04 * np.eye(6), LINE)

    assert steadied.beta == pytest.approx(-1.3 * LINE)
    assert steadied.tau == pytest.approx(SCATTERS[-1])


def test_noise_around_a_line_is_halved_and_more() -> None:
    rng = np.random.default_rng(0)
    before, after = [], []
    for _ in range(50):
        values = -LINE + rng.normal(0, 0.2, 6)
        steadied = steady(values, 0.04 * np.eye(6), LINE)
        before.append(np.abs(values + LINE).mean())
        after.append(np.abs(steadied.beta + LINE).mean())

    assert np.mean(after) < 0.5 * np.mean(before)


def test_a_curve_that_is_no_line_is_left_alone() -> None:
    values = np.array([-0.2, -2.0, -0.3, -2.5, -0.1, -3.0])

    steadied = steady(values, 0.0025 * np.eye(6), LINE)

    assert steadied.tau > 0.5
    assert steadied.beta == pytest.approx(values, abs=0.02)


def test_errors_shrink_and_never_vanish() -> None:
    steadied = steady(-LINE, 0.04 * np.eye(6), LINE)

    variance = np.diag(steadied.covariance)
    assert (variance < 0.04).all()
    assert (variance > 0.001).all()
