"""A report on a terminal."""

import io

import pytest
from rich.console import Console

from rankloop.cli.reporting_content import Bar, Bars, Column, Content, Listing, Tile
from rankloop.cli.reporting_text import draw_bar, print_content


def printed(content, width=80):
    stream = io.StringIO()
    print_content(Console(file=stream, width=width), content)
    return stream.getvalue()


def test_a_bar_has_a_whisker_from_the_lower_to_the_upper_end():
    assert draw_bar(Bar("1", 0.5, 0.2, 0.8), most=1.0, n_cells=10) == "█├─────┤  "


def test_a_narrow_interval_is_one_mark():
    assert draw_bar(Bar("1", 0.5, 0.49, 0.51), most=1.0, n_cells=10) == "████┼     "


def test_a_bar_without_an_interval_ends_at_its_value():
    assert draw_bar(Bar("1", 0.3), most=1.0, n_cells=10) == "███       "


def test_a_small_share_is_seen_and_none_is_not():
    assert draw_bar(Bar("1", 0.001), most=1.0, n_cells=10) == "▏         "
    assert draw_bar(Bar("1", 0.0), most=1.0, n_cells=10) == " " * 10


def test_an_unknown_value_is_no_bar():
    assert draw_bar(Bar("1", None), most=1.0, n_cells=10) == "·         "


@pytest.mark.parametrize("n_cells", [1, 2, 16, 34])
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (0.3, 0.31)])
def test_a_bar_is_as_wide_as_asked(n_cells, bounds):
    low, high = bounds
    assert (
        len(draw_bar(Bar("1", (low + high) / 2, low, high), most=1.0, n_cells=n_cells)) == n_cells
    )


def test_a_list_longer_than_the_screen_says_how_many_are_left():
    rows = [(f"query {i}", "1") for i in range(12)]
    listing = Listing("Queries", "", (Column("query"), Column("n", is_number=True)), rows)
    text = printed(Content("t", "s", listings=[listing]))
    assert "query 9" in text
    assert "query 10" not in text
    assert "and 2 more" in text


def test_an_empty_report_says_so_section_by_section():
    bars = Bars("By position", "", "rank", (), [], empty="Nothing was shown yet.")
    listing = Listing("Skipped", "", (Column("document"),), [], empty="No document is skipped.")
    text = printed(Content("t", "s", bars=[bars], listings=[listing]))
    assert "Nothing was shown yet." in text
    assert "No document is skipped." in text


def test_what_people_typed_is_no_markup():
    listing = Listing("Queries", "", (Column("query"),), [("[red]x[/red] [link=a]",)])
    content = Content("[bold]t", "s", tiles=[Tile("[b]", "[i]1")], listings=[listing])
    text = printed(content)
    assert "[red]x[/red] [link=a]" in text
    assert "[bold]t" in text


def test_limits_are_listed():
    assert "• clicks without a list" in printed(Content("t", "s", limits=["clicks without a list"]))
