"""Cells in the store and what is estimated of them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from rankloop.attribution.derivation import Derivation
from rankloop.bias.cells import Cells, merge_cells
from rankloop.errors import InputError
from rankloop.jobs.estimation import Estimation
from rankloop.store.duckdb import DuckDBStore
from rankloop.tables.windows import InsightsWindow, Segment
from rankloop.testing.builders import NOON_US, build_interaction, build_search, to_lines

HOUR_US = 3_600_000_000
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GONE = "u~3"
DOCUMENTS = ["a", "b", "c", "d"]
EXAMINATION = np.array([1.0, 0.6, 0.4, 0.2])
ATTRACTION = {"a": 0.9, "b": 0.6, "c": 0.4, "d": 0.2}


def open_store(searches=(), interactions=()):
    """Make a store in memory of these rows; close it."""
    store = DuckDBStore()
    store.append_lines(to_lines(searches), to_lines(interactions))
    return closing(store)


def estimate(store):
    """Return what estimates over a store."""
    return Estimation(store, Derivation(store))


def simulate(n_searches=600, seed=1):
    """Make lists in random order over three weeks, and the clicks of people who read downward."""
    rng = np.random.default_rng(seed)
    searches, clicks = [], []
    for number in range(n_searches):
        shown = [DOCUMENTS[place] for place in rng.permutation(4)]
        user = f"u~{number % 40}" if number % 5 else None
        at = NOON_US + int(rng.integers(0, 20 * 24)) * HOUR_US
        search = build_search(
            f"s{number}", shown, at=at, user=user, query=f"q{number % 3}", device="mobile"
        )
        searches.append(search)
        for position, document in enumerate(shown):
            if rng.random() < EXAMINATION[position] * ATTRACTION[document]:
                click = build_interaction(
                    f"i{number}-{position}", document, at=at + 1_000_000 * (1 + position),
                    user=user, search_id=f"s{number}", position=position,
                )  # fmt: skip
                clicks.append(click)
    return searches, clicks


def assert_equal(first: Cells, second: Cells):
    """Check that two tables of cells are the same, bit for bit."""
    for name in (entry.name for entry in fields(Cells) if entry.name != "pairs"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    for name in ("query", "query_keys", "document_ids"):
        assert np.array_equal(getattr(first.pairs, name), getattr(second.pairs, name)), name


def test_a_cell_counts_what_was_shown_below_the_last_click():
    search = build_search("s1", ["a", "b", "c", "d"])
    clicks = [
        build_interaction("i1", "b", search_id="s1"),
        build_interaction("i2", "c", ["click", "purchase"], search_id="s1"),
        build_interaction("i3", "b", search_id="s1"),
    ]
    with open_store([search], clicks) as store:
        cells = estimate(store).cells()

    assert cells.pairs.document_ids.tolist() == ["a", "b", "c", "d"]
    assert cells.position.tolist() == [0, 1, 2, 3]
    assert cells.previous_click.tolist() == [-1, -1, 1, 2]
    assert cells.clicks.tolist() == [0, 1, 1, 0]
    purchase = cells.signal_names.index("purchase")
    assert cells.signals[:, purchase].tolist() == [0, 0, 1, 0]
    assert cells.first_week is not None
    assert cells.first_week.isoformat() == "2025-12-29"


def test_the_last_click_is_found_in_lists_of_any_length():
    documents = [f"d{place:03}" for place in range(150)]
    clicked = [0, 60, 61, 62, 63, 100]
    clicks = [build_interaction(f"i{k}", documents[k], search_id="s1") for k in clicked]
    with open_store([build_search("s1", documents)], clicks) as store:
        cells = estimate(store).cells()

    expected = [max((k for k in clicked if k < place), default=-1) for place in range(150)]
    assert cells.position.tolist() == list(range(150))
    assert cells.previous_click.tolist() == expected


def test_only_known_lists_of_people_are_counted():
    searches = [
        build_search("s1", ["a"]),
        build_search("s2", ["a"], actor="agent"),
        build_search("s3", None),
    ]
    with open_store(searches) as store:
        assert estimate(store).cells().n_impressions == 1


def test_lists_shown_again_unchanged_are_counted_again():
    again = [build_search(f"s{k}", ["a"], user="u~1", at=NOON_US + k) for k in range(2)]
    with open_store(again) as store:
        assert estimate(store).cells().n_impressions == 2


def test_cells_of_two_logs_add_up_to_the_cells_of_both():
    searches, clicks = simulate()
    half = {search.search_id for search in searches[:300]}
    parts = [
        (
            [search for search in searches if (search.search_id in half) is is_first],
            [click for click in clicks if (click.search_id in half) is is_first],
        )
        for is_first in (True, False)
    ]
    with open_store(*parts[0]) as first, open_store(*parts[1]) as second:
        merged = merge_cells(
            estimate(first).cells(n_shards=64), estimate(second).cells(n_shards=64)
        )
    with open_store(searches, clicks) as both:
        assert_equal(merged, estimate(both).cells(n_shards=64))


def test_cells_of_days_add_up_to_the_cells_of_all_time():
    with open_store(*simulate()) as store:
        estimation = estimate(store)
        noon = NOON + timedelta(days=9)
        parts = [InsightsWindow(end=noon), InsightsWindow(start=noon)]
        before, after = (estimation.cells(window=part) for part in parts)

        assert len(before)
        assert len(after)
        assert_equal(merge_cells(before, after), estimation.cells())


def test_a_late_click_is_counted_on_its_day():
    searches, clicks = simulate(40)
    with open_store(searches, clicks[:-1]) as store:
        estimation = estimate(store)
        before = estimation.cells().n_clicks
        store.append_lines(b"", to_lines(clicks[-1:]))

        assert estimation.cells().n_clicks == before + 1


def test_a_second_delivery_changes_nothing():
    searches, clicks = simulate(40)
    again = [build_interaction(f"again-{c.interaction_id}", c.document_id, at=c.at + 1,
                               search_id=c.search_id, user=c.user) for c in clicks]  # fmt: skip
    with open_store(searches, clicks) as once, open_store(searches, clicks + again) as twice:
        assert_equal(estimate(once).cells(), estimate(twice).cells())


def test_positions_that_disagree_with_the_list_move_no_cell():
    searches, clicks = simulate(40)
    one_based = [
        build_interaction(c.interaction_id, c.document_id, at=c.at, search_id=c.search_id,
                          user=c.user, position=c.position + 1) for c in clicks
    ]  # fmt: skip
    with open_store(searches, clicks) as right, open_store(searches, one_based) as wrong:
        assert_equal(estimate(right).cells(), estimate(wrong).cells())


def test_examination_comes_out_of_a_store():
    with open_store(*simulate(4_000)) as store:
        bias = estimate(store).bias("products")

    assert bias.status == "identified"
    assert bias.is_clustered
    found = np.array([row.propensity for row in bias.positions])
    assert found == pytest.approx(EXAMINATION, rel=0.15)
    assert bias.lack is None
    assert bias.harvest_share == 1


def test_a_user_deleted_is_a_user_never_seen():
    searches, clicks = simulate()
    others = (
        [search for search in searches if search.user != GONE],
        [click for click in clicks if click.user != GONE],
    )
    with open_store(searches, clicks) as store, open_store(*others) as other:
        one, two = estimate(store), estimate(other)
        before = one.propensities()
        store.erase_user(GONE)
        after, never = one.propensities(), two.propensities()

        assert_equal(one.cells(n_shards=64), two.cells(n_shards=64))
        assert not np.array_equal(before.propensities.std_error, after.propensities.std_error)
        for name in ("examination", "std_error"):
            pair = [getattr(found.propensities, name) for found in (after, never)]
            assert np.array_equal(*pair), name
        assert one.bias() == two.bias()


def test_an_estimate_is_kept_until_the_log_changes():
    searches, clicks = simulate(100)
    with open_store(searches[:-1], clicks) as store:
        estimation = estimate(store)
        first = estimation.propensities()

        assert estimation.propensities() is first
        assert estimation.propensities("products") is not first
        store.append_lines(to_lines(searches[-1:]), b"")
        assert estimation.propensities() is not first


@pytest.mark.parametrize(
    ("searches", "lack"),
    [
        ([], "impressions"),
        ([build_search("s1", ["a", "b"])], "clicks"),
        ([build_search("s0", ["a"])], "clicks"),
    ],
    ids=["nothing", "no-click", "one-position"],
)
def test_what_a_log_lacks_is_answered_and_not_raised(searches, lack):
    with open_store(searches) as store:
        bias = estimate(store).bias()

    assert (bias.status, bias.lack) == ("not_identifiable", lack)
    assert bias.advice
    assert all(row.propensity is None for row in bias.positions)


def test_a_window_without_lists_lacks_impressions():
    with open_store(*simulate(40)) as store:
        estimation = estimate(store)
        for window in (
            InsightsWindow(start=NOON, end=NOON),
            InsightsWindow(segment=Segment(device="watch")),
        ):
            assert estimation.bias(window=window).lack == "impressions"


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(InputError, match="before it starts"):
        InsightsWindow(start=NOON, end=NOON - timedelta(days=1))
