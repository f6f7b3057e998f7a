"""The truth of the demo beside its report."""

import json
from math import log2

import numpy as np
import pytest

from rankloop.cli.demo_truth import Learned, compare, find_broken, write_after, write_truth
from rankloop.testing.shop import PAGE_SIZE, Shop


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


def compare_kept(shop, report, curve=()):
    """Compare where nothing was promoted: the ranking after is the one before."""
    examination = [*curve, *[None] * (PAGE_SIZE - len(curve))]
    return compare(shop, report, Learned(shop.ranking(), examination))


def find_ideal(shop):
    ideal = np.argsort(-shop.relevance, axis=1, kind="stable")[:, :PAGE_SIZE]
    ideal[shop.queries.is_empty] = -1
    return ideal


def test_the_naive_curve_is_relative_to_the_first_position(shop):
    comparison = compare_kept(shop, to_report([0.4, 0.1]))
    assert comparison.naive[:3] == [1.0, 0.25, None]
    assert comparison.naive_error() == pytest.approx(0.5)


@pytest.mark.parametrize("ctr", [[], [None], [0.0, 0.1]])
def test_without_clicks_at_the_first_position_there_is_no_naive_curve(shop, ctr):
    comparison = compare_kept(shop, to_report(ctr))
    assert comparison.naive == [None] * 10
    assert comparison.naive_error() is None
    assert len(comparison.conclude()) == 1


def test_a_ranking_that_was_kept_is_as_good_as_before(shop):
    truth = compare_kept(shop, to_report([0.4])).to_dict()
    assert truth["ndcg_after"] == truth["ndcg_before"] == pytest.approx(shop.ndcg())
    assert truth["propensity_error"] is None


def test_a_better_ranking_is_told_by_queries_asked_and_never_asked(shop):
    truth = compare(shop, to_report([0.4]), Learned(find_ideal(shop), [None] * 10)).to_dict()
    assert truth["ndcg_after"] == pytest.approx(1.0)
    held_out = shop.queries.is_held_out
    assert truth["seen"]["ndcg_before"] == pytest.approx(shop.ndcg(among=~held_out))
    assert truth["unseen"] == {
        "ndcg_before": pytest.approx(shop.ndcg(among=held_out)),
        "ndcg_after": pytest.approx(1.0),
    }


def test_the_learned_curve_is_held_against_the_truth_where_it_is_known(shop):
    comparison = compare_kept(shop, to_report([0.4, 0.1]), curve=[1.0, 0.6, 0.3])
    assert comparison.learned_error() == pytest.approx((0.1 / 0.5 + (1 / 3 - 0.3) * 3) / 2)
    assert "off by 15%" in comparison.conclude()[1]


def test_named_queries_are_held_against_the_true_taste(shop):
    broken = sorted(find_broken(shop))
    comparison = compare_kept(shop, to_report([0.4], named=broken))
    assert comparison.named_attraction < comparison.other_attraction
    assert f"{len(broken)} of the {len(broken)} were broken" in comparison.conclude()[-1]


def test_ndcg_follows_from_the_files_alone(shop, tmp_path):
    write_truth(tmp_path, shop)
    write_after(tmp_path, shop, find_ideal(shop))
    assert measure(tmp_path, "before.ndjson") == pytest.approx(shop.ndcg())
    assert measure(tmp_path, "after.ndjson") == pytest.approx(1.0)


def measure(folder, name):
    truth, before = (
        [json.loads(line) for line in (folder / each).read_text().splitlines()]
        for each in ("truth.ndjson", name)
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
    return sum(values) / len(values)
