"""Attribution by hand: small logs of which the outcome can be worked out by head."""

from __future__ import annotations

import threading
from datetime import date

import duckdb
import pytest

from rankloop.attribution.base import AttributionConfig


def test_the_search_an_interaction_names_comes_first(log, search, interaction):
    log.append(
        search("s1", 0, "abc", session_id="x"),
        search("s2", 10, "cba", session_id="x"),
        interaction("i1", 20, "a", search_id="s1", session_id="x"),
    ).refresh()
    assert log.credits() == {"i1": ("s1", 0, 1)}


def test_neither_the_window_nor_a_skewed_clock_limits_a_named_search(log, search, interaction):
    log.append(
        search("s1", 0, "abc"),
        interaction("late", 90 * 86_400, "a", search_id="s1"),
        interaction("early", -60, "b", search_id="s1"),
    ).refresh()
    assert log.credits() == {"late": ("s1", 0, 1), "early": ("s1", 1, 1)}
    assert log.lists()["s1", 0]["first_click_delay_ms"] == 0


def test_a_named_search_that_did_not_show_the_document_makes_an_orphan_that_says_so(
    log, search, interaction
):
    log.append(
        search("s1", 0, "abc", session_id="x"),
        search("s2", 0, "z", session_id="x"),
        interaction("elsewhere", 5, "z", search_id="s1", session_id="x"),
        interaction("unknown", 5, "z", search_id="s9", session_id="x"),
    ).refresh()
    assert log.credits() == {"elsewhere": ("s1", None, 0), "unknown": (None, None, 0)}
    assert log.lists()["s1", 0]["n_interactions"] == 0
    assert log.lists()["s1", 0]["is_abandoned"]


def test_a_named_search_of_several_pages_gives_the_first_that_showed_the_document(
    log, search, interaction
):
    log.append(
        search("s1", 20, "cba", page_offset=3),
        search("s1", 0, "abx"),
        search("s1", 40, "c", page_offset=6),
        interaction("i1", 50, "c", search_id="s1"),
        interaction("i2", 50, "a", search_id="s1"),
    ).refresh()
    assert log.credits() == {"i1": ("s1", 3, 1), "i2": ("s1", 0, 1)}


def test_a_named_search_of_which_the_list_is_unknown_is_credited_without_a_place(
    log, search, interaction
):
    log.append(
        search("s1", 0, None), interaction("i1", 5, "a", ["purchase"], search_id="s1")
    ).refresh()
    assert log.credits() == {"i1": ("s1", None, 1)}
    row = log.lists()["s1", 0]
    assert (row["n_interactions"], row["n_clicked"], row["is_converted"]) == (1, 0, True)
    assert not row["is_abandoned"]
    assert log.places() == {}


def test_without_a_name_the_latest_list_of_the_session_with_the_document_gets_the_credit(
    log, search, interaction
):
    log.append(
        search("s1", 0, "abc", session_id="x"),
        search("s2", 10, "bc", session_id="x"),
        search("s3", 20, "de", session_id="x"),
        search("s4", 30, "ab", session_id="x"),
        search("s5", 15, "ab", session_id="other"),
        interaction("i1", 25, "b", session_id="x"),
        interaction("i2", 25, "a", session_id="x"),
        interaction("i3", 30, "a", session_id="x"),
        interaction("i4", 25, "z", session_id="x"),
    ).refresh()
    assert log.credits() == {
        "i1": ("s2", 0, 2),
        "i2": ("s1", 0, 2),
        "i3": ("s4", 0, 2),
        "i4": (None, None, 0),
    }


def test_a_list_is_credited_up_to_the_end_of_the_window(log, search, interaction):
    log.append(
        search("s1", 0, "a", session_id="x"),
        interaction("i1", 86_400, "a", session_id="x"),
        interaction("i2", 86_400.000_001, "a", session_id="x"),
    ).refresh()
    assert log.credits() == {"i1": ("s1", 0, 2), "i2": (None, None, 0)}


def test_the_user_helps_where_the_session_does_not(log, search, interaction):
    log.append(
        search("s1", 0, "ab", user="u", session_id="x"),
        search("s2", 5, "b", user="u", session_id="y"),
        interaction("i1", 10, "a", user="u", session_id="y"),
        interaction("i2", 10, "b", user="u", session_id="x"),
        interaction("i3", 10, "b", user="u"),
        interaction("i4", 10, "b", user="v"),
    ).refresh()
    assert log.credits() == {
        "i1": ("s1", 0, 3),
        "i2": ("s1", 1, 2),
        "i3": ("s2", 0, 3),
        "i4": (None, None, 0),
    }


@pytest.mark.parametrize("names", [("s1", "s2"), ("s2", "s1")])
def test_lists_of_one_moment_are_told_apart_by_their_identifiers(log, search, interaction, names):
    shown = {
        "s1": search("s1", 0, "ab", session_id="x"),
        "s2": search("s2", 0, "ba", session_id="x"),
    }
    log.append(
        *(shown[name] for name in names), interaction("i1", 0, "a", session_id="x")
    ).refresh()
    assert log.credits() == {"i1": ("s2", 1, 2)}


def test_an_interaction_keeps_to_its_retriever_unless_that_is_the_default(log, search, interaction):
    log.append(
        search("s1", 0, "a", session_id="x", retriever_id="products"),
        search("s2", 5, "a", session_id="x", retriever_id="articles"),
        search("s3", 0, "b", session_id="x", retriever_id="default"),
        search("s4", 5, "b", session_id="x", retriever_id="articles"),
        interaction("own", 10, "a", session_id="x", retriever_id="products"),
        interaction("none", 10, "a", session_id="x", retriever_id=None),
        interaction("default", 10, "b", session_id="x", retriever_id="default"),
        interaction("other", 10, "a", session_id="x", retriever_id="films"),
    ).refresh()
    assert log.credits() == {
        "own": ("s1", 0, 2),
        "none": ("s2", 0, 2),
        "default": ("s3", 0, 2),
        "other": (None, None, 0),
    }


def test_a_document_that_stands_twice_is_clicked_where_it_stands_first(log, search, interaction):
    log.append(
        search("s1", 0, "aba"),
        interaction("i1", 5, "a", search_id="s1"),
    ).refresh()
    assert log.credits() == {"i1": ("s1", 0, 1)}
    assert [log.places()["s1", place]["clicked"] for place in range(3)] == [1, 0, 0]


def test_one_click_an_impression_is_credited_and_the_others_are_duplicates(
    log, search, interaction
):
    log.append(
        search("s1", 0, "abc"),
        interaction("i1", 9, "a", search_id="s1"),
        interaction("i2", 7, "c", search_id="s1"),
        interaction("i3", 8, "c", ["click", "long_view"], search_id="s1", duration_ms=4_500.0),
    ).refresh()
    row = log.lists()["s1", 0]
    assert (row["n_clicked"], row["n_duplicate_clicks"]) == (2, 1)
    assert (row["first_click_position"], row["first_click_delay_ms"]) == (2, 7_000)
    place = log.places()["s1", 2]
    assert (place["clicked"], place["n_clicks"], place["type_mask"]) == (1, 2, 0b110)
    assert (place["first_click_delay_ms"], place["duration_ms"]) == (7_000, 4_500.0)
    assert log.places()["s1", 1]["first_click_delay_ms"] is None


def test_a_conversion_belongs_to_one_list_and_only_purchases_have_value(log, search, interaction):
    log.append(
        search("s1", 0, "ab", session_id="x"),
        search("s2", 10, "ba", session_id="x"),
        interaction("i1", 15, "a", ["add_to_cart"], session_id="x", value_micros=50),
        interaction("i2", 20, "a", ["purchase"], session_id="x", value_micros=50),
    ).refresh()
    lists = log.lists()
    assert [lists[name, 0]["is_converted"] for name in ("s1", "s2")] == [False, True]
    assert [lists[name, 0]["value_micros"] for name in ("s1", "s2")] == [0, 50]
    assert log.places()["s2", 1]["converted"] == 1
    assert log.places()["s2", 1]["value_micros"] == 50


def test_an_interaction_without_a_document_counts_but_gets_no_credit(log, search, interaction):
    log.append(
        search("s1", 0, "ab"),
        search("s1", 5, "cd", page_offset=2),
        interaction("i1", 9, None, ["filter_toggle"], search_id="s1"),
    ).refresh()
    assert log.credits() == {}
    assert log.lists()["s1", 0]["n_interactions"] == 1
    assert log.lists()["s1", 2]["n_interactions"] == 0
    assert log.lists()["s1", 0]["is_abandoned"]


def test_a_pause_or_midnight_ends_a_visit(log, search):
    log.append(
        search("s1", 0, "a", session_id="x"),
        search("s2", 1_800, "a", session_id="x"),
        search("s3", 3_601, "a", session_id="x"),
        search("s4", 43_199, "a", session_id="x"),
        search("s5", 43_200, "a", session_id="x"),
        search("alone", 3_601, "a"),
    ).refresh()
    assert {name: row["visit_at"].isoformat(" ") for (name, _), row in log.lists().items()} == {
        "s1": "2026-01-01 12:00:00",
        "s2": "2026-01-01 12:00:00",
        "s3": "2026-01-01 13:00:01",
        "s4": "2026-01-01 23:59:59",
        "s5": "2026-01-02 00:00:00",
        "alone": "2026-01-01 13:00:01",
    }


def test_a_list_shown_again_unchanged_is_flagged_and_kept(log, search):
    log.append(
        search("s1", 0, "ab", session_id="x"),
        search("s2", 1_800, "ab", session_id="x"),
        search("s3", 3_601, "ab", session_id="x"),
        search("order", 10, "ba", session_id="x"),
        search("query", 10, "ab", session_id="x", query_key="boots"),
        search("page", 10, "ab", session_id="x", page_offset=2),
        search("session", 10, "ab", session_id="y"),
        search("retriever", 10, "ab", session_id="x", retriever_id="articles"),
        search("empty", 10, "", session_id="x"),
        search("unknown", 10, None, session_id="x"),
        search("nobody", 10, "ab"),
    ).refresh()
    repeats = {name for (name, _), row in log.lists().items() if row["is_repeat"]}
    assert repeats == {"s2"}
    assert all(row["is_counted"] for row in log.lists().values())


def test_another_query_soon_after_is_another_try_unless_there_was_a_click(log, search, interaction):
    log.append(
        search("s1", 0, "a", session_id="x", query_key="shoes"),
        search("s2", 60, "b", session_id="x", query_key="shoes", page_offset=1),
        search("s3", 120, "c", session_id="x", query_key="boots"),
        search("s4", 130, "d", session_id="x", query_key="hats"),
        search("s5", 431, "e", session_id="x", query_key="caps"),
        interaction("i1", 125, "c", session_id="x"),
        interaction("i2", 440, "a", session_id="x"),
    ).refresh()
    tries = {name for (name, _), row in log.lists().items() if row["is_reformulated"]}
    assert tries == {"s1", "s2"}


def test_a_list_with_nothing_credited_is_abandoned_if_it_is_known(log, search, interaction):
    log.append(
        search("s1", 0, "a"),
        search("s2", 0, ""),
        search("s3", 0, None),
        search("s4", 0, "a"),
        interaction("i1", 5, "a", ["view"], search_id="s4"),
    ).refresh()
    abandoned = {name for (name, _), row in log.lists().items() if row["is_abandoned"]}
    assert abandoned == {"s1", "s2"}


def test_programs_and_the_too_busy_are_robots_for_the_day(open_log, search, interaction):
    log = open_log(AttributionConfig(robot_searches_per_hour=2, robot_interactions_per_hour=2))
    log.append(
        search("agent", 0, "a", actor="agent"),
        *(search(f"user{n}", 1_200 * n, "a", user="u") for n in range(3)),
        search("later", 36_000, "a", user="u"),
        search("tomorrow", 86_400, "a", user="u"),
        *(search(f"calm{n}", 1_800 * n, "a", session_id="y") for n in range(3)),
        search("clicker", 0, "abc", session_id="z"),
        *(interaction(f"i{n}", n, "a", session_id="z", search_id="clicker") for n in range(3)),
    ).refresh()
    lists = log.lists()
    robots = {name for (name, _), row in lists.items() if row["is_robot"]}
    assert robots == {"agent", "user0", "user1", "user2", "later", "clicker"}
    assert {name for (name, _), row in lists.items() if not row["is_counted"]} == robots
    assert not log.places()["clicker", 0]["is_counted"]
    log.store.close()


def test_a_person_is_the_user_else_the_session_else_the_list(log, search):
    log.append(
        search("s1", 0, "a", user="x"),
        search("s2", 0, "a", user="x", session_id="y"),
        search("s3", 0, "a", session_id="x"),
        search("s4", 0, "a"),
        search("s5", 0, "a"),
    ).refresh()
    lists = {name: row for (name, _), row in log.lists().items()}
    assert [lists[f"s{n}"]["cluster_level"] for n in range(1, 6)] == [0, 0, 1, 2, 2]
    assert lists["s1"]["cluster_key"] == lists["s2"]["cluster_key"]
    assert lists["s1"]["cluster_key"] != lists["s3"]["cluster_key"]
    keys = log.read("SELECT cluster_key FROM search_log WHERE cluster_level = 2")
    assert len({row["cluster_key"] for row in keys}) == 2


def test_a_list_that_arrives_after_its_click_gets_it(log, search, interaction):
    log.append(
        interaction("i1", 5, "a", search_id="s1"), interaction("i2", 5, "a", session_id="x")
    ).refresh()
    assert {credit[2] for credit in log.credits().values()} == {0}
    log.append(search("s1", 0, "a"), search("s2", 0, "a", session_id="x")).refresh()
    assert log.credits() == {"i1": ("s1", 0, 1), "i2": ("s2", 0, 2)}
    assert [log.places()[name, 0]["clicked"] for name in ("s1", "s2")] == [1, 1]


def test_a_later_list_that_arrives_late_takes_the_click_over(log, search, interaction):
    log.append(
        search("s1", 0, "a", session_id="x"), interaction("i1", 50_000, "a", session_id="x")
    ).refresh()
    assert log.places()["s1", 0]["clicked"] == 1
    log.append(search("s2", 44_000, "a", session_id="x"))
    refreshed = log.derivation.refresh()
    assert [log.places()[name, 0]["clicked"] for name in ("s1", "s2")] == [0, 1]
    assert refreshed.search_days == (date(2026, 1, 1), date(2026, 1, 2))


def test_only_touched_days_are_derived_anew(log, search, interaction):
    shown = [search(f"s{day}", 86_400 * day, "ab") for day in range(5)]
    log.append(*shown).refresh()
    log.append(interaction("i1", 86_400 * 3, "a", search_id="s1"))
    refreshed = log.derivation.refresh()
    assert refreshed.interaction_days == (date(2026, 1, 4),)
    assert refreshed.search_days == (date(2026, 1, 2),)
    assert (refreshed.n_credits, refreshed.n_searches, refreshed.n_impressions) == (1, 1, 2)
    assert not log.derivation.refresh().is_changed


def test_an_erased_interaction_takes_its_click_away(log, search, interaction):
    log.append(
        search("s1", 0, "a"),
        interaction("i1", 86_400, "a", search_id="s1"),
        interaction("i2", 86_400, None, ["filter_toggle"], search_id="s1"),
    ).refresh()
    assert log.lists()["s1", 0]["n_interactions"] == 2
    log.store.delete_interaction("i1")
    log.store.delete_interaction("i2")
    log.refresh()
    assert log.credits() == {}
    assert log.lists()["s1", 0]["n_interactions"] == 0
    assert log.places()["s1", 0]["clicked"] == 0


def test_other_rules_derive_everything_anew(open_log, search, interaction):
    log = open_log()
    log.append(
        search("s1", 0, "a", session_id="x"), interaction("i1", 7_200, "a", session_id="x")
    ).refresh()
    assert log.credits() == {"i1": ("s1", 0, 2)}
    derivation = type(log.derivation)(log.store, AttributionConfig(window_s=3_600))
    assert derivation.refresh().search_days == (date(2026, 1, 1),)
    assert log.credits() == {"i1": (None, None, 0)}
    assert not derivation.refresh().is_changed
    log.store.close()


def test_an_empty_store_has_nothing_to_derive(log):
    refreshed = log.derivation.refresh()
    assert not refreshed.is_changed
    assert refreshed.took_ms > 0


def test_threads_that_refresh_at_once_derive_once(log, search, interaction):
    log.append(
        *(search(f"s{n}", n, "ab", session_id="x") for n in range(50)),
        *(interaction(f"i{n}", n + 0.5, "a", session_id="x") for n in range(50)),
    )
    refreshed = []
    threads = [
        threading.Thread(target=lambda: refreshed.append(log.derivation.refresh()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(r.is_changed for r in refreshed) == [False, False, False, True]
    assert len(log.lists()) == 50


def test_a_failed_refresh_leaves_what_was_derived_before(log, search, interaction):
    log.append(search("s1", 0, "a")).refresh()
    before = log.tables()
    log.append(interaction("i1", 5, "a", search_id="s1"))
    log.read("ALTER TABLE click_log RENAME TO mislaid")
    with pytest.raises(duckdb.CatalogException, match="click_log"):
        log.refresh()
    log.read("ALTER TABLE mislaid RENAME TO click_log")
    assert log.tables() == before
    log.refresh()
    assert log.places()["s1", 0]["clicked"] == 1


def test_keys_of_erased_rows_are_not_taken_for_derived(open_log, search, interaction, tmp_path):
    log = open_log(path=tmp_path / "events.duckdb")
    log.append(search("s1", 0, "a"), interaction("i1", 5, "a", search_id="s1")).refresh()
    log.append(interaction("i2", 6, "a", search_id="s1")).refresh()
    log.store.delete_interaction("i2")
    log.refresh()
    log.store.close()
    log = open_log(path=tmp_path / "events.duckdb")
    log.append(interaction("i3", 7, "a", search_id="s1")).refresh()
    assert log.credits().keys() == {"i1", "i3"}
    assert log.places()["s1", 0]["n_clicks"] == 2
    log.store.close()


def test_a_robot_with_many_lists_and_clicks_is_not_joined_pair_by_pair(log, search, interaction):
    n_events = 10_000  # 100 million pairs would take a minute
    log.append(
        *(search(f"s{n:05}", 0, "a", session_id="x") for n in range(n_events)),
        *(search("many", 0, "a", page_offset=n) for n in range(n_events)),
        *(interaction(f"i{n}", n % 50, "a", session_id="x") for n in range(n_events)),
        *(interaction(f"j{n}", n % 50, "a", search_id="many") for n in range(n_events)),
        *(interaction(f"k{n}", 0, None, search_id="many") for n in range(n_events)),
    ).refresh()
    assert log.places()["s09999", 0]["n_clicks"] == n_events
    assert log.lists()["many", 0]["n_interactions"] == 2 * n_events
