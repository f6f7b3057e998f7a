"""What is expected of a pair before its own clicks."""

from __future__ import annotations

import numpy as np
import pytest

from rankloop.bias.cells import Cells
from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.training.evidence import collect_evidence
from rankloop.training.priors import PriorConfig, fit_prior


def collect(queries, documents, n, clicks):
    """Collect evidence of pairs shown at the top."""
    cells = Cells.from_columns(
        {
            "query_key": queries,
            "document_id": documents,
            "position": [0] * len(n),
            "n": n,
            "clicks": clicks,
        }
    )
    return collect_evidence(cells, np.ones(1))


def test_one_mean_for_all_is_clicks_by_looks():
    evidence = collect(["p", "q"], ["a", "b"], [300, 100], [30, 50])
    assert fit_prior(evidence, PriorConfig("global")).tolist() == [0.2, 0.2]


def test_a_pair_expects_what_its_querys_others_get_not_what_it_gets_itself():
    evidence = collect(
        ["p"] * 3 + ["q"] * 3, list("abcdef"), [1000] * 6, [900, 100, 100, 20, 20, 20]
    )
    prior = fit_prior(evidence, PriorConfig("query"))
    assert prior[0] < prior[1]
    assert prior[3] < 0.1 < prior[0]


def test_features_of_other_queries_tell(make_collection, simulate):
    log = simulate(make_collection(np.random.default_rng(1)), 20_000, np.random.default_rng(2))
    cells = log.to_cells()
    evidence = collect_evidence(cells, log.examination)
    grades = log.true_of(cells, log.collection.grades).astype(float)[:, None]
    true = log.true_of(cells, log.collection.attraction)
    with_content = fit_prior(evidence, PriorConfig(with_impressions=False), grades)
    without = fit_prior(evidence, PriorConfig("global"))
    error, naive = (np.sqrt(np.mean((each - true) ** 2)) for each in (with_content, without))
    assert error < 0.3 * naive


def test_no_feature_at_all_is_named():
    evidence = collect(["q"], ["a"], [10], [1])
    with pytest.raises(NotEnoughDataError, match="but there are none"):
        fit_prior(evidence, PriorConfig(with_impressions=False))


def test_features_of_other_pairs_are_refused():
    evidence = collect(["q"], ["a"], [10], [1])
    with pytest.raises(TableError, match="features has 2 rows for 1 pairs"):
        fit_prior(evidence, features=np.zeros((2, 1)))


def test_a_single_query_expects_the_mean_of_the_log():
    evidence = collect(["q", "q"], ["a", "b"], [100, 100], [10, 30])
    assert fit_prior(evidence).tolist() == [0.2, 0.2]


@pytest.mark.parametrize("values", [{"kind": "guess"}, {"n_folds": 1}], ids=["kind", "folds"])
def test_impossible_settings_are_refused(values):
    with pytest.raises(SettingsError):
        PriorConfig(**values)
