"""A last click ended the search where its person asked for nothing else soon after."""

from __future__ import annotations

import pytest

HOUR_S = 3_600


@pytest.fixture
def clicked(log, search, interaction):
    """Hand out a list of three, shown at noon, with clicks on `a` after 10 and `c` after 20 s."""

    def build(*rows, **who):
        who = who or {"user": "u~1"}
        return log.append(
            search("s", 0, "abc", **who),
            interaction("i1", 10, "a", search_id="s"),
            interaction("i2", 20, "c", search_id="s"),
            *rows,
        ).refresh()

    return build


def read_final(log):
    """Read where the last click of the list of noon ended the search, both ways it is told."""
    final = log.lists()["s", 0]["final_click_position"]
    marked = [p for (s, p), row in log.places().items() if s == "s" and row["is_final_click"]]
    assert marked == ([] if final is None else [final])
    return final


def test_the_last_click_ends_the_search(clicked):
    assert read_final(clicked()) == 2


@pytest.mark.parametrize(("after_s", "final"), [(80, None), (80.000001, 2)])
def test_another_query_within_a_minute_of_the_click_takes_that_back(
    clicked, search, after_s, final
):
    again = search("again", after_s, "x", query_key="boots", user="u~1")
    assert read_final(clicked(again)) == final


@pytest.mark.parametrize(
    "other",
    [
        {"user": "u~2", "query_key": "boots"},
        {"user": "u~1", "query_key": "boots", "retriever_id": "articles"},
        {"user": "u~1", "page_offset": 3, "search_id": "s"},
    ],
    ids=["someone-else", "elsewhere", "the-next-page"],
)
def test_what_is_no_other_try_of_theirs_does_not(clicked, search, other):
    row = {"search_id": "again", **other}
    assert read_final(clicked(search(row.pop("search_id"), 30, "x", **row))) == 2


def test_a_query_between_the_list_and_its_click_is_no_answer_to_the_click(clicked, search):
    assert read_final(clicked(search("before", 5, "x", query_key="boots", user="u~1"))) == 2


def test_of_clicks_at_one_moment_the_deepest_is_the_last(clicked, interaction):
    assert read_final(clicked(interaction("i3", 20, "b", search_id="s"))) == 2


def test_who_is_not_known_may_have_asked_for_anything(clicked):
    assert read_final(clicked(device="mobile")) is None


@pytest.mark.parametrize(("click_s", "final"), [(HOUR_S - 60, 1), (HOUR_S - 59, None)])
def test_of_clicks_long_after_the_list_nothing_is_said(clicked, interaction, click_s, final):
    assert read_final(clicked(interaction("i3", click_s, "b", search_id="s"))) == final


def test_a_late_query_takes_it_back_across_midnight(clicked, log, search, interaction):
    midnight_s = 12 * HOUR_S
    log.append(
        search("late", midnight_s - 120, "abc", user="u~9"),
        interaction("i9", midnight_s - 30, "b", search_id="late"),
    ).refresh()
    assert log.lists()["late", 0]["final_click_position"] == 1
    log.append(search("next", midnight_s + 20, "x", query_key="boots", user="u~9")).refresh()
    assert log.lists()["late", 0]["final_click_position"] is None


def read_satisfied(log):
    """Count clicks that held the person, as labels count them and as cells do."""
    rows = log.store.ask("pair_counts", {"satisfied_ms": 30_000.0}).to_pylist()
    cells = log.store.ask("cells").to_pylist()
    found = {row["document_id"]: row["satisfied"] for row in rows}
    assert {row["document_id"] for row in cells if row["satisfied"]} == {
        name for name, n in found.items() if n
    }
    return found


def test_of_two_quick_clicks_the_last_satisfied(clicked):
    assert read_satisfied(clicked()) == {"a": 0, "c": 1}


@pytest.mark.parametrize(
    ("more", "satisfied"),
    [
        ({"document": "a", "types": ["view"], "duration_ms": 30_000.0}, {"a": 1, "c": 1}),
        ({"document": "a", "types": ["view"], "duration_ms": 29_999.0}, {"a": 0, "c": 1}),
        ({"document": "a", "types": ["long_view"]}, {"a": 1, "c": 1}),
        ({"document": "c", "types": ["return_to_results"]}, {"a": 0, "c": 0}),
        ({"document": "b", "types": ["long_view"]}, {"a": 0, "b": 0, "c": 1}),
    ],
    ids=["30-seconds", "a-little-less", "long-view", "came-back", "no-click"],
)
def test_what_else_is_known_of_a_click_counts_too(clicked, interaction, more, satisfied):
    document, types = more.pop("document"), more.pop("types")
    row = interaction("i3", 50, document, types, search_id="s", **more)
    assert read_satisfied(clicked(row)) == satisfied


@pytest.mark.parametrize(
    ("more", "is_explored"),
    [
        ({}, False),
        ({"tags": '["explore"]'}, True),
        ({"tags": '["explorer"]'}, False),
        ({"probabilities": (0.98, None)}, False),
        ({"probabilities": (0.98, 0.5)}, True),
        ({"probabilities": (0.51, 0.51)}, False),
    ],
    ids=["nothing", "tag", "another-tag", "likely", "a-coin", "likelier-than-not"],
)
def test_chance_had_a_say_where_a_tag_or_a_probability_says_so(log, search, more, is_explored):
    probabilities = more.pop("probabilities", (None, None))
    row = search("s", 0, "ab", **more)
    for result, probability in zip(row.results, probabilities, strict=True):
        result.logging_probability = probability
    log.append(row).refresh()
    assert log.lists()["s", 0]["is_explored"] is is_explored
    assert [place["is_explored"] for place in log.places().values()] == [is_explored] * 2
