"""Insights from a store: every signal on logs that can be counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankloop.errors import InputError
from rankloop.jobs.insights import Insights
from rankloop.tables.pages import PageRequest
from rankloop.tables.signals import Signals
from rankloop.tables.windows import InsightsWindow, Segment

approx = pytest.approx
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ABC = ["a", "b", "c"]


def test_an_empty_store_gives_empty_answers(log):
    signals = log.insights.signals()
    assert signals.overview.searches == 0
    assert signals.overview.ctr.value is None
    assert signals.ctr_by_position == []
    assert signals.average_first_click_position is None
    assert signals.time_to_first_click.median_s is None
    assert signals.missing == ["searches", "interactions"]
    assert log.insights.performance().days.results == []
    for part in (log.insights.positions, log.insights.queries, log.insights.documents):
        assert part().results == []
        assert part(page=PageRequest(page=3)).pagination.total == 0
    assert log.insights.health().is_sound


def test_an_unknown_retriever_is_an_empty_answer(log):
    log.search(shown=ABC, clicked=["a"])
    assert log.write().signals("none_such").overview.searches == 0


def test_counts_and_rates_by_hand(log):
    log.search("shoes", ABC, ["a", "b", "a"], user="u1")
    log.search("shoes", ABC, user="u2", at=NOON + timedelta(hours=1))
    log.search("hats", [], user="u3")
    log.search("coats", None, user="u4")
    log.interact("z", user="u5")
    overview = log.write().signals("products").overview
    assert (overview.searches, overview.impressions, overview.interactions) == (4, 6, 3)
    log.interact("z", retriever_id="products")
    overview = log.write().signals("products").overview
    assert (overview.interactions, overview.orphan_interactions) == (4, 1)
    assert (overview.clicked_impressions, overview.duplicate_clicks) == (2, 1)
    assert (overview.zero_result_searches, overview.unknown_result_searches) == (1, 1)
    assert (overview.ctr.value, overview.ctr.n) == (approx(1 / 3), 3)
    assert (overview.impression_ctr.value, overview.impression_ctr.n) == (approx(2 / 6), 6)
    assert overview.zero_result_rate.value == approx(1 / 3)
    assert overview.abandonment.value == approx(2 / 3)
    assert overview.ctr.clustered_by == "user"
    assert overview.users == 4
    assert overview.interactions_by_type == {"click": 4}


def test_none_means_all_retrievers(log):
    log.search(shown=ABC)
    log.search(shown=ABC, retriever_id="articles")
    log.write()
    assert log.insights.signals().overview.searches == 2
    assert log.insights.signals("articles").overview.searches == 1


def test_people_known_and_unknown_are_clustered_by_what_each_has(log):
    log.search(shown=ABC, user="u1")
    log.search(shown=ABC, session_id="x")
    assert log.write().signals().overview.ctr.clustered_by == "mixed"


def test_the_axis_of_positions_has_no_gaps(log):
    log.search(shown=ABC, clicked=["c"])
    log.search(shown=ABC, page_offset=5)
    signals = log.write().signals()
    rows = signals.ctr_by_position
    assert [row.position for row in rows] == list(range(8))
    assert [row.impressions for row in rows] == [1, 1, 1, 0, 0, 1, 1, 1]
    assert (rows[2].clicks, rows[2].ctr.value, rows[2].ctr.n) == (1, 1.0, 1)
    assert (rows[0].ctr.value, rows[3].ctr.value, rows[3].ctr.n) == (0.0, None, 0)
    assert signals.deeper is None


def test_positions_from_100_on_are_counted_together(log):
    log.search(shown=[f"d{i}" for i in range(120)], clicked=["d100", "d119"])
    signals = log.write().signals()
    assert len(signals.ctr_by_position) == 100
    assert (signals.deeper.impressions, signals.deeper.clicks) == (20, 2)
    assert log.insights.positions().pagination.total == 101


def test_the_first_click_is_the_first_in_time(log):
    search = log.search(shown=ABC)
    log.interact("c", search_id=search, at=NOON + timedelta(seconds=3))
    log.interact("a", search_id=search, at=NOON + timedelta(seconds=9))
    log.search(shown=ABC)
    signals = log.write().signals()
    assert signals.average_first_click_position == 2.0
    assert signals.first_click.no_click_share.value == 0.5
    assert signals.time_to_first_click.median_s == 3.0


def test_time_to_first_click_says_both_quartiles_and_shares_of_all(log):
    for seconds in (2.0, 4.0, 20.0, 50.0, 90.0):
        log.search(shown=ABC, clicked=["a"], after_s=seconds)
    for _ in range(5):
        log.search(shown=ABC)
    times = log.write().signals().time_to_first_click
    assert (times.n, times.lower_quartile_s, times.median_s, times.upper_quartile_s) == (
        5,
        4.0,
        20.0,
        50.0,
    )
    shares = {row.within_s: row.share.value for row in times.clicked_within}
    assert shares == {5: approx(0.2), 30: approx(0.3), 60: approx(0.4)}


def fill_with_ordinary_searches(log, n=200):
    """Show three documents to many people; positions are clicked 1 in 2, 4 and 5 times."""
    for i in range(n):
        shown = [f"{place}{i // 20 % 5}" for place in "abc"]
        clicked = [shown[k] for k, every in enumerate((2, 4, 5)) if i % every == 0]
        log.search(f"query {i % 7}", shown, clicked, user=f"u{i}")


def test_a_document_ranked_high_but_passed_over_is_found_with_its_query(log):
    fill_with_ordinary_searches(log)
    for i in range(60):
        query = "boots" if i % 3 else "boots red"
        log.search(query, ["bad", f"b{i % 5}", f"c{i % 5}"], user=f"v{i}")
    signals = log.write().signals("products")
    assert [row.document_id for row in signals.skipped_documents] == ["bad"]
    found = signals.skipped_documents[0]
    rate = signals.ctr_by_position[0].ctr.value
    assert (found.impressions, found.clicks) == (60, 0)
    assert found.expected_clicks == approx(60 * rate)
    assert found.lost_clicks == approx(60 * rate)
    assert found.expected_by == "position_ctr"
    assert found.p_value < 1e-6
    assert (found.ctr.value, found.ctr.n, found.ctr.clustered_by) == (0.0, 60, "user")
    assert (found.loses_most_in.query, found.loses_most_in.impressions) == ("boots", 40)


def test_one_person_who_keeps_searching_condemns_no_document(log):
    fill_with_ordinary_searches(log)
    for i in range(60):
        log.search("boots", ["bad", f"b{i % 5}", f"c{i % 5}"], user="the same")
    signals = log.write().signals("products")
    assert signals.skipped_documents == []
    assert [row.query for row in signals.low_engagement_queries] == ["boots"]
    assert signals.low_engagement_queries[0].rules == ["ctr_below_5_percent"]


def test_a_query_that_people_leave_alone_says_which_rule_hit(log):
    fill_with_ordinary_searches(log, 400)
    for i in range(100):
        log.search("dead", ["a0", "b0", "c0"], user=f"v{i}")
        clicked = ["a0"] if i % 5 == 0 else []
        log.search("weak", ["a0", "b0", "c0"], clicked, user=f"w{i}")
    found = {row.query: row for row in log.write().signals().low_engagement_queries}
    assert found["dead"].rules == ["ctr_below_5_percent", "fewer_clicks_than_expected"]
    assert found["weak"].rules == ["fewer_clicks_than_expected"]
    assert set(found) == {"dead", "weak"}
    assert found["weak"].ctr.value == approx(0.2)
    assert (found["weak"].searches, found["weak"].clicked_searches) == (100, 20)


def test_too_few_searches_are_not_judged(log):
    fill_with_ordinary_searches(log)
    for i in range(29):
        log.search("rare", ["a0", "b0", "c0"], user=f"v{i}")
    assert log.write().signals().low_engagement_queries == []


def test_expectations_follow_the_page_a_list_shows(log):
    fill_with_ordinary_searches(log)
    for i in range(60):
        log.search("page two", ["x", "y"], user=f"v{i}", page_offset=10)
    signals = log.write().signals()
    assert signals.low_engagement_queries[0].expected_clicks == approx(0.0)
    assert signals.low_engagement_queries[0].rules == ["ctr_below_5_percent"]


def test_queries_without_results_are_counted_from_lists_and_from_reports(log):
    log.search("unobtainium", [])
    log.search("unobtainium", ["a"])
    log.search("kryptonite", [])
    log.search("kryptonite", [])
    log.interact(
        None, ("zero_results",), query="phlogiston", query_key="p", retriever_id="products"
    )
    rows = log.write().signals("products").zero_result_queries
    found = {
        row.query: (row.zero_result_searches, row.reported, row.zero_result_rate.value)
        for row in rows
    }
    assert found == {
        "kryptonite": (2, 0, 1.0),
        "phlogiston": (0, 1, None),
        "unobtainium": (1, 0, 0.5),
    }
    assert rows[0].query == "kryptonite"


def test_top_lists_are_by_searches_and_by_clicks(log):
    log.search("shoes", ABC, ["b"])
    log.search("shoes", ABC, ["b"])
    log.search("hats", ["a"], ["a"])
    signals = log.write().signals()
    assert [(row.query, row.searches) for row in signals.top_queries] == [("shoes", 2), ("hats", 1)]
    assert signals.top_queries[0].average_first_click_position == 1.0
    assert [(row.document_id, row.clicks) for row in signals.top_documents] == [("b", 2), ("a", 1)]
    assert signals.top_documents[0].average_position == 1.0
    assert signals.top_documents[1].ctr.n == 3


def test_interactions_alone_still_give_counts(log):
    for _ in range(3):
        log.interact("a", query="shoes", query_key="k", user="u1")
    log.interact("b", ("purchase",), user="u2", value_micros=5_000_000, currency="EUR")
    signals = log.write().signals()
    assert signals.missing == ["searches"]
    assert signals.overview.interactions == 4
    assert signals.overview.orphan_interactions == 4
    assert signals.overview.users == 2
    assert signals.overview.interactions_by_type == {"click": 3, "purchase": 1}
    assert (signals.overview.values[0].currency, signals.overview.values[0].value) == ("EUR", 5.0)
    assert signals.overview.ctr.value is None
    assert [(row.document_id, row.interactions) for row in signals.top_documents] == [
        ("a", 3),
        ("b", 1),
    ]
    assert signals.top_documents[0].ctr.value is None
    assert [(row.query, row.interactions) for row in signals.top_queries] == [("shoes", 3)]
    assert log.insights.queries().pagination.total == 1
    assert log.insights.documents().pagination.total == 2


def test_the_window_holds_its_start_and_not_its_end(log):
    for hour in range(5):
        log.search(shown=ABC, clicked=["a"], at=NOON + timedelta(hours=hour))
    log.write()
    window = InsightsWindow(NOON + timedelta(hours=1), NOON + timedelta(hours=3))
    signals = log.insights.signals(None, window)
    assert signals.overview.searches == 2
    assert signals.overview.interactions == 2
    assert [row.impressions for row in signals.ctr_by_position] == [2, 2, 2]
    assert signals.top_documents[0].impressions == 2
    east = timezone(timedelta(hours=5))
    same = InsightsWindow(window.start.astimezone(east), window.end.astimezone(east))
    assert log.insights.signals(None, same).overview == signals.overview


def test_a_window_over_several_days_counts_whole_days_and_parts(log):
    for hour in range(0, 96, 6):
        log.search(shown=ABC, clicked=["b"], at=NOON + timedelta(hours=hour))
    log.write()
    window = InsightsWindow(NOON + timedelta(hours=6), NOON + timedelta(hours=72))
    signals = log.insights.signals(None, window)
    assert signals.overview.searches == 11
    assert signals.ctr_by_position[1].clicks == 11
    days = log.insights.performance(None, window).days.results
    assert [day.day.day for day in days] == [5, 4, 3, 2]
    assert sum(day.searches for day in days) == 11


def test_a_reversed_window_is_refused_by_its_name():
    with pytest.raises(InputError) as caught:
        InsightsWindow(NOON, NOON - timedelta(days=1))
    assert caught.value.where == "/end"


def test_a_segment_takes_its_interactions_along(log):
    log.search(shown=ABC, clicked=["a"], device="mobile", surface="app")
    log.search(shown=ABC, clicked=["b", "c"], device="desktop")
    log.interact("z", device="mobile")
    log.write()
    mobile = log.insights.signals(None, InsightsWindow(segment=Segment.parse("device:mobile")))
    assert (mobile.overview.searches, mobile.overview.interactions) == (1, 2)
    assert mobile.overview.orphan_interactions == 1
    app = log.insights.signals(None, InsightsWindow(segment=Segment.parse("surface:app")))
    assert (app.overview.searches, app.overview.interactions) == (1, 1)
    assert app.ctr_by_position[0].clicks == 1


def test_programs_are_left_out_unless_asked_for(log):
    log.search(shown=ABC, clicked=["a"])
    log.search(shown=ABC, clicked=["b"], actor="agent")
    log.write()
    people = log.insights.signals().overview
    assert (people.searches, people.interactions, people.clicked_impressions) == (1, 1, 1)
    assert (people.robots.searches, people.robots.interactions) == (1, 1)
    everyone = log.insights.signals(None, InsightsWindow(include_robots=True))
    assert (everyone.overview.searches, everyone.overview.interactions) == (2, 2)
    assert everyone.overview.robots == people.robots
    assert everyone.ctr_by_position[1].clicks == 1


def test_pages_join_up_to_the_whole(log):
    for i in range(7):
        log.search(f"query {i}", [f"d{i}", "shared"], [f"d{i}"])
    log.write()
    for part, name in (
        (log.insights.queries, "query_key"),
        (log.insights.documents, "document_id"),
    ):
        whole = part().results
        pages = [part(page=PageRequest(page=k, page_size=3)) for k in (1, 2, 3, 4)]
        joined = [row for page in pages for row in page.results]
        assert [getattr(row, name) for row in joined] == [getattr(row, name) for row in whole]
        assert {page.pagination.total for page in pages} == {len(whole)}


def test_the_report_has_the_overview_at_its_top(log):
    log.search(shown=ABC, clicked=["a"])
    signals = log.write().signals()
    report = signals.to_report()
    assert report["searches"] == 1
    assert report["ctr"]["value"] == 1.0
    assert report["ctr_by_position"][0]["clicks"] == 1
    assert report["average_first_click_position"] == 0.0
    assert "overview" not in report
    encoded = msgspec.json.encode(signals)
    assert msgspec.json.decode(encoded, type=Signals) == signals


LISTS = st.lists(
    st.tuples(
        st.sampled_from(["p", "q"]),
        st.one_of(st.none(), st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)),
        st.lists(st.sampled_from("abcdef"), max_size=3),
        st.sampled_from([None, "u1", "u2", "u3"]),
        st.sampled_from(["human", "human", "agent"]),
        st.integers(0, 2),
    ),
    max_size=12,
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lists=LISTS)
def test_shares_add_up(log, lists):
    retriever_id = f"r{next(log.numbers)}"
    n_done, n_done_unknown = 0, 0
    for i, (query, shown, clicked, user, actor, pages) in enumerate(lists):
        log.search(
            query,
            shown,
            clicked,
            user=user,
            at=NOON + timedelta(minutes=7 * i),
            actor=actor,
            page_offset=10 * pages,
            retriever_id=retriever_id,
        )
        n_done += len(clicked)
        n_done_unknown += len(clicked) if shown is None and actor == "human" else 0
    log.write()
    signals = log.insights.signals(retriever_id)
    overview = signals.overview
    assert sum(row.impressions for row in signals.ctr_by_position) == overview.impressions
    assert sum(row.clicks for row in signals.ctr_by_position) == overview.clicked_impressions
    assert sum(row.searches for row in signals.top_queries) == overview.searches
    if overview.impressions:
        n_clicks = sum(row.clicks for row in signals.top_documents)
        assert n_clicks == overview.clicked_impressions
    assert overview.searches + overview.robots.searches == len(lists)
    assert overview.interactions + overview.robots.interactions == n_done
    assert overview.interactions - n_done_unknown == (
        overview.orphan_interactions + overview.clicked_impressions + overview.duplicate_clicks
    )
    assert overview.ctr.n == overview.searches - overview.unknown_result_searches
    if overview.ctr.n:
        assert overview.ctr.value + signals.first_click.no_click_share.value == approx(1.0)
    days = log.insights.performance(retriever_id).days.results
    assert sum(day.searches for day in days) == overview.searches


class ErasedBetween:
    """A store that answers the second round as though everything had been erased meanwhile."""

    def __init__(self, store):
        self.store = store

    def ask(self, question, parameters=None):
        answer = self.store.ask(question, parameters)
        is_second = question.endswith(("_details", "_document_queries"))
        return answer.slice(0, 0) if is_second else answer


def test_what_is_erased_between_two_questions_is_left_out(log):
    fill_with_ordinary_searches(log)
    for i in range(60):
        log.search("boots", ["bad", "b1", "c1"], user=f"v{i}")
    log.write().signals()
    signals = Insights(ErasedBetween(log.store), log.insights.derivation).signals()
    assert signals.overview.searches == 260
    assert signals.top_documents == signals.top_queries == signals.skipped_documents == []
    assert signals.low_engagement_queries == []
