"""What a report says."""

from rankloop.cli.reporting_page import render_page
from rankloop.cli.reporting_sections import build_content


def tile(content, label):
    return next(tile for tile in content.tiles if tile.label == label)


def listing(content, title):
    return next(listing for listing in content.listings if listing.title == title)


def test_a_rate_stands_with_its_interval_n_and_clusters(report):
    clicked = tile(build_content(report), "Searches with a click")
    assert clicked.value == "41.2%"
    assert clicked.evidence == "40.2–42.2%, n=1,000, by user"


def test_positions_become_ranks_on_the_screen(report):
    content = build_content(report)
    assert [bar.label for bar in content.bars[0].rows] == ["1", "2", "3"]
    assert tile(content, "First click at rank").value == "2.9"


def test_a_position_that_was_never_shown_is_a_gap_not_zero(report):
    gap = build_content(report).bars[0].rows[2]
    assert gap.value is None
    assert gap.details[0] == "–"


def test_first_clicks_are_spread_over_ranks(report):
    bars = build_content(report).bars[1]
    assert [(bar.label, bar.value) for bar in bars.rows] == [("1", 0.75), ("2", 0.25)]


def test_the_engines_own_note_is_shown_with_the_plot(report):
    assert "not a propensity curve" in build_content(report).bars[0].note


def test_skipped_documents_name_the_query_to_look_at(report):
    row = listing(build_content(report), "Ranked high but skipped").rows[0]
    assert row[0] == "p0042"
    assert row[-1] == "wireless earbuds"


def test_queries_say_which_rule_hit(report):
    row = listing(build_content(report), "Queries that need work").rows[0]
    assert row[-1] == "under 5%, below expected"


def test_robots_left_out_are_named(report):
    assert "600 searches by robots left out" in build_content(report).subtitle


def test_one_is_counted_in_the_singular(report):
    report |= {"users": 1, "visits": 1, "orphan_interactions": 1, "duplicate_clicks": 2}
    evidence = [tile.evidence for tile in build_content(report).tiles]
    assert "1 user, 1 visit" in evidence
    assert "1 orphan, 2 repeated clicks" in evidence


def test_the_share_of_orphans_is_among_what_the_log_cannot_tell(report):
    assert any("2.0% of the interactions" in limit for limit in build_content(report).limits)


def test_days_are_drawn_in_order_and_one_day_is_no_plot(report):
    report["days"].reverse()
    bars = build_content(report).bars[-1]
    assert [bar.label for bar in bars.rows] == ["02-15", "02-16"]
    report["days"].pop()
    assert len(build_content(report).bars) == 3


def test_an_empty_log_makes_a_report_that_says_what_is_missing(empty_report):
    content = build_content(empty_report)
    assert content.title == "Search report: all retrievers"
    assert tile(content, "Searches with a click").evidence == "no data"
    assert any("/v1/searches" in limit for limit in content.limits)
    assert "no list" in render_page(content).lower()


def test_a_query_in_hostile_words_is_shown_as_text(report):
    report["zero_result_queries"][0]["query"] = "<img src=x onerror=alert(1)>"
    assert "<img" not in render_page(build_content(report))
