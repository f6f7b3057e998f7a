"""The truth of the demo beside its report."""

import json
from math import log2

import pytest

from rankloop.cli.demo_truth import compare, find_broken, write_truth
from rankloop.testing.shop import Shop


@pytest.fixture(scope="module")
def shop():
    return Shop()


def to_report(ctr, named=()):
    return {
        "ctr_by_position": [
            {"position": position, "ctr": {"value": value}} for position, value in enumerate(ctr)
        ],
        "low_engagement_queries": [{"query": query} for query in named],
    }


def test_the_naive_curve_is_relative_to_the_first_position(shop):
    comparison = compare(shop, to_report([0.4, 0.1]))
    assert comparison.naive[:3] == [1.0, 0.25, None]
    assert comparison.naive_error() == pytest.approx(0.5)


@pytest.mark.parametrize("ctr", [[], [None], [0.0, 0.1]])
def test_without_clicks_at_the_first_position_there_is_no_naive_curve(shop, ctr):
    comparison = compare(shop, to_report(ctr))
    assert comparison.naive == [None] * 10
    assert comparison.naive_error() is None
    assert len(comparison.conclude()) == 1


def test_what_needs_models_is_null(shop):
    truth = compare(shop, to_report([0.4])).to_dict()
    assert truth["ndcg_after"] is None
    assert truth["propensity_error"] is None
    assert truth["ndcg_before"] == pytest.approx(shop.ndcg())


def test_named_queries_are_held_against_the_true_taste(shop):
    broken = sorted(find_broken(shop))
    comparison = compare(shop, to_report([0.4], named=broken))
    assert comparison.named_attraction < comparison.other_attraction
    assert f"{len(broken)} of the {len(broken)} were broken" in comparison.conclude()[-1]


def test_ndcg_follows_from_the_two_files_alone(shop, tmp_path):
    write_truth(tmp_path, shop)
    truth, before = (
        [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("truth.ndjson", "before.ndjson")
    )
    relevance = {(row["query"], row["document_id"]): row["relevance"] for row in truth}
    values = []
    for query in {row["query"] for row in before}:
        shown = [row for row in before if row["query"] == query]
        gains = [
            relevance.get((query, row["document_id"]), 0) / log2(row["position"] + 2)
            for row in shown
        ]
        grades = sorted((row["relevance"] for row in truth if row["query"] == query), reverse=True)
        ideal = [grade / log2(place + 2) for place, grade in enumerate(grades[:10])]
        values.append(sum(gains) / sum(ideal))
    assert sum(values) / len(values) == pytest.approx(shop.ndcg())
