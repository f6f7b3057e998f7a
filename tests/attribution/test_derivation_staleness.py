"""What arrives late, or is erased, reaches every row that depends on it: also past midnight."""

from __future__ import annotations

import pytest

from rankloop.attribution.base import AttributionConfig

MIDNIGHT = 43_200  # seconds after noon


def test_lists_of_one_search_and_moment_are_told_apart_by_their_offset(log, search, interaction):
    log.append(
        search("s1", 0, "a", session_id="x", page_offset=2),
        search("s1", 0, "ba", session_id="x"),
        interaction("i1", 5, "a", session_id="x"),
    ).refresh()
    assert log.credits() == {"i1": ("s1", 2, 2)}


def test_a_late_list_before_midnight_makes_a_repeat_of_one_after_it(log, search):
    log.append(search("s2", MIDNIGHT + 10, "a", session_id="x")).refresh()
    assert not log.lists()["s2", 0]["is_repeat"]
    log.append(search("s1", MIDNIGHT - 10, "a", session_id="x")).refresh()
    assert log.lists()["s2", 0]["is_repeat"]


def test_a_list_after_midnight_is_another_try_of_one_before_it(log, search):
    log.append(search("s1", MIDNIGHT - 10, "a", session_id="x")).refresh()
    assert not log.lists()["s1", 0]["is_reformulated"]
    log.append(search("s2", MIDNIGHT + 10, "a", session_id="x", query_key="boots")).refresh()
    assert log.lists()["s1", 0]["is_reformulated"]


def test_what_names_a_search_moves_to_its_first_list_once_that_is_here(log, search, interaction):
    log.append(
        search("s1", 86_400, "c", page_offset=2),
        interaction("i1", 5, None, ["filter_toggle"], search_id="s1"),
    ).refresh()
    assert log.lists()["s1", 2]["n_interactions"] == 1
    log.append(search("s1", 0, "ab")).refresh()
    assert log.lists()["s1", 0]["n_interactions"] == 1
    assert log.lists()["s1", 2]["n_interactions"] == 0


def test_what_names_a_search_of_another_day_counts_there(log, search, interaction):
    log.append(search("s1", 0, "a"), search("s2", 86_400, "a")).refresh()
    log.append(interaction("i1", 86_400, None, ["filter_toggle"], search_id="s1")).refresh()
    assert log.lists()["s1", 0]["n_interactions"] == 1


def test_a_named_page_that_arrives_late_takes_the_click_over(log, search, interaction):
    log.append(
        search("s1", 0, "ca", page_offset=2), interaction("i1", 86_400, "a", search_id="s1")
    ).refresh()
    assert log.credits() == {"i1": ("s1", 3, 1)}
    log.append(search("s1", 10, "ab")).refresh()
    assert log.credits() == {"i1": ("s1", 0, 1)}
    assert log.places()["s1", 3]["clicked"] == 0


@pytest.mark.parametrize("who", [{"user": "u"}, {"session_id": "x"}])
def test_a_late_list_of_a_person_takes_in_clicks_up_to_the_window(log, search, interaction, who):
    log.append(interaction("i1", 86_000, "a", **who)).refresh()
    log.append(search("s1", 0, "a", **who)).refresh()
    assert log.credits()["i1"][0] == "s1"
    assert log.places()["s1", 0]["clicked"] == 1


@pytest.mark.parametrize("who", [{"user": "u"}, {"session_id": "x"}])
def test_robots_come_and_go_with_interactions_on_both_sides_of_midnight(
    open_log, search, interaction, who
):
    log = open_log(AttributionConfig(robot_interactions_per_hour=2))
    log.append(
        search("s1", MIDNIGHT + 10, "a", **who),
        interaction("i3", MIDNIGHT + 5, None, ["opened_help"], **who),
    ).refresh()
    assert not log.lists()["s1", 0]["is_robot"]
    log.append(
        interaction("i1", MIDNIGHT - 10, None, ["opened_help"], **who),
        interaction("i2", MIDNIGHT - 5, None, ["opened_help"], **who),
    ).refresh()
    assert log.lists()["s1", 0]["is_robot"]
    log.store.delete_interaction("i1")
    log.refresh()
    assert not log.lists()["s1", 0]["is_robot"]
    log.store.close()


def test_lists_of_an_untouched_day_lose_the_clicks_that_a_late_list_takes(log, search, interaction):
    log.append(
        search("s1", 0, "a", session_id="x"),
        *(interaction(f"i{n}", 60_000 + n, "a", session_id="x") for n in (1, 2, 100, 101)),
    ).refresh()
    assert log.places()["s1", 0]["n_clicks"] == 4
    log.append(search("s2", 60_050, "a", session_id="x")).refresh()
    assert [log.places()[name, 0]["n_clicks"] for name in ("s1", "s2")] == [2, 2]


def test_what_names_a_search_of_another_day_is_no_longer_counted_once_erased(
    log, search, interaction
):
    log.append(
        search("s1", 0, "a"), interaction("i1", 86_400, None, ["filter_toggle"], search_id="s1")
    ).refresh()
    log.store.delete_interaction("i1")
    log.refresh()
    assert log.lists()["s1", 0]["n_interactions"] == 0


def test_a_user_s_sessions_do_not_repeat_each_other(log, search):
    log.append(
        *(search(f"x{n}", n, "a", user="u", session_id="x") for n in range(2)),
        *(search(f"y{n}", n + 60, "a", user="u", session_id="y") for n in range(2)),
    ).refresh()
    repeats = {name for (name, _), row in log.lists().items() if row["is_repeat"]}
    assert repeats == {"x1", "y1"}
