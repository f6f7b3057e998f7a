"""What clicks leave us to believe."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, gamma

from rankloop.bias.cells import Cells
from rankloop.errors import TableError
from rankloop.training.evidence import collect_evidence
from rankloop.training.posteriors import build_posteriors, refine_frequent


def test_a_gamma_has_the_quantiles_of_a_gamma():
    made = build_posteriors(np.array([2.0, 5.0]), np.array([10.0, 20.0]))
    law = gamma(np.array([2.0, 5.0]), scale=1 / np.array([10.0, 20.0]))
    assert made.mean == pytest.approx([0.2, 0.25])
    assert made.quantile(0.95) == pytest.approx(law.ppf(0.95))
    assert made.probability_above(np.array([0.1, 0.3])) == pytest.approx(law.sf([0.1, 0.3]))


def test_the_grid_agrees_with_the_beta_law_where_one_position_is_shown():
    cells = Cells.from_columns(
        {"query_key": ["q"], "document_id": ["a"], "position": [0], "n": [100], "clicks": [90]}
    )
    evidence = collect_evidence(cells, np.ones(1))
    # A prior of shape 1 and almost no rate is flat on [0, 1], as Beta(1, 1) is.
    flat = np.ones(1), 1e-9
    exact = refine_frequent(build_posteriors(flat[0] + 90, np.full(1, 100.0)), evidence, *flat)
    law = beta(91, 11)
    assert exact.exact.tolist() == [0]
    assert exact.mean[0] == pytest.approx(law.mean(), abs=1e-3)
    assert exact.quantile(0.05)[0] == pytest.approx(law.ppf(0.05), abs=3e-3)
    assert exact.quantile(0.95)[0] == pytest.approx(law.ppf(0.95), abs=3e-3)
    assert exact.probability_above(np.array([0.9]))[0] == pytest.approx(law.sf(0.9), abs=5e-3)


def test_rare_clicks_stay_gammas():
    cells = Cells.from_columns(
        {"query_key": ["q"], "document_id": ["a"], "position": [0], "n": [100], "clicks": [9]}
    )
    evidence = collect_evidence(cells, np.ones(1))
    made = build_posteriors(np.full(1, 10.0), np.full(1, 101.0))
    assert refine_frequent(made, evidence, np.ones(1), 1.0) is made


def test_a_law_that_is_none_is_refused():
    with pytest.raises(TableError, match="not a number above 0"):
        build_posteriors(np.zeros(1), np.ones(1))
