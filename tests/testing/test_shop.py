"""The simulated shop: its truth, its flawed ranker, and the measure between them."""

import numpy as np
import pytest

from rankloop.errors import SettingsError
from rankloop.testing.shop import MISSPELT, NOTHING, PAGE_SIZE, Shop, ShopConfig


@pytest.fixture(scope="module")
def shop():
    return Shop()


def test_same_seed_makes_the_same_shop(shop):
    twin = Shop()
    assert np.array_equal(twin.shown, shop.shown)
    assert twin.products.titles == shop.products.titles


def test_another_seed_makes_another_shop(shop):
    assert not np.array_equal(Shop(ShopConfig(seed=8)).shown, shop.shown)


def test_examination_is_the_inverse_of_the_rank_to_the_power_of_eta():
    shop = Shop(ShopConfig(eta=2.0))
    assert shop.examination(3) == pytest.approx([1, 1 / 4, 1 / 9])


def test_the_ideal_order_scores_1_and_production_falls_short(shop):
    ideal = np.argsort(-shop.relevance, axis=1, kind="stable")[:, :PAGE_SIZE]
    assert shop.ndcg(ideal) == pytest.approx(1.0)
    assert 0.6 < shop.ndcg() < 0.85


def test_a_misspelt_query_is_judged_like_the_right_one_and_ranked_worse(shop):
    texts = shop.queries.texts
    for right, wrong in MISSPELT.items():
        pair = texts.index(right), texts.index(wrong)
        grades = shop.relevance[list(pair)]
        assert np.array_equal(grades[0], grades[1])
        found = np.take_along_axis(grades, shop.ranking()[list(pair)], axis=1).sum(axis=1)
        assert found[1] < found[0]


def test_the_shop_shows_nothing_for_what_it_does_not_have(shop):
    rows = [shop.queries.texts.index(text) for text in NOTHING]
    assert (shop.shown[:, rows] == -1).all()
    assert (shop.relevance[rows] == 0).all()


def test_a_refresh_of_the_index_moves_documents_unless_jitter_is_off(shop):
    assert not np.array_equal(shop.shown[0], shop.shown[1])
    frozen = Shop(ShopConfig(jitter=0.0))
    assert np.array_equal(frozen.shown[0], frozen.shown[1])


def test_ndcg_can_be_worked_out_from_the_written_rows(shop):
    relevance = {(row["query"], row["document_id"]): row["relevance"] for row in shop.iter_truth()}
    grades: dict[str, list[float]] = {}
    for (query, _), grade in relevance.items():
        grades.setdefault(query, []).append(grade)
    gain = dict.fromkeys(grades, 0.0)
    for row in shop.iter_ranking():
        gain[row["query"]] += relevance.get((row["query"], row["document_id"]), 0) / np.log2(
            row["position"] + 2
        )
    values = []
    for query, found in gain.items():
        best = sorted(grades[query], reverse=True)[:PAGE_SIZE]
        values.append(found / sum(grade / np.log2(i + 2) for i, grade in enumerate(best)))
    assert np.mean(values) == pytest.approx(shop.ndcg())


def test_nobody_asks_for_what_is_held_out_and_every_kind_has_some(shop):
    held_out = shop.queries.is_held_out
    assert held_out.sum() == 2 * 40
    assert (shop.queries.popularity[held_out] == 0).all()
    assert (shop.queries.popularity[~held_out] > 0).all()
    assert set(shop.queries.kinds[held_out]) == set(range(40))


def test_the_measure_over_all_queries_is_the_mean_of_its_parts(shop):
    held_out = shop.queries.is_held_out
    n_seen, n_unseen = (~held_out & ~shop.queries.is_empty).sum(), held_out.sum()
    parts = n_seen * shop.ndcg(among=~held_out) + n_unseen * shop.ndcg(among=held_out)
    assert parts / (n_seen + n_unseen) == pytest.approx(shop.ndcg())


def test_every_document_has_a_title_and_a_price(shop):
    documents = list(shop.iter_documents())
    assert len({row["document_id"] for row in documents}) == 480
    assert all(row["fields"]["title"] and row["payload"]["price"] > 0 for row in documents)


@pytest.mark.parametrize("wrong", [{"n_products_per_kind": 1}, {"most_attraction": 0}, {"eta": -1}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(SettingsError):
        ShopConfig(**wrong)
