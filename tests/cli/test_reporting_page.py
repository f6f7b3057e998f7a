"""The report as one page that needs nothing else."""

import re
from html.parser import HTMLParser

import pytest

from rankloop.cli.reporting_content import Bar, Bars, Column, Content, Listing, Tile
from rankloop.cli.reporting_page import render_page

TYPED = '<script>alert(1)</script> & "quotes"'


@pytest.fixture(scope="module")
def page():
    bars = [Bar(str(rank), 0.3 / rank, 0.25 / rank, 0.35 / rank, ("30%",)) for rank in range(1, 21)]
    return render_page(
        Content(
            title="Search report",
            subtitle="14 days",
            tiles=[Tile("Searches", "20,600", "by 4,000 people")],
            bars=[
                Bars("Click-through by position", "Note.", "rank", ("CTR",), bars),
                Bars("First click", "", "rank", ("share",), [], empty="Nobody clicked yet."),
            ],
            listings=[Listing("Queries", "", (Column("query"),), [(TYPED,)])],
            limits=["Whether a result was looked at."],
        )
    )


class Outside(HTMLParser):
    """Collects whatever a browser would fetch."""

    def __init__(self):
        super().__init__()
        self.fetched = []
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in {"src", "href", "data"}]


def test_the_page_fetches_nothing(page):
    reader = Outside()
    reader.feed(page)
    assert reader.fetched == []
    assert not re.search(r"@import|url\((?!#)", page)


def test_what_people_typed_is_escaped(page):
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_plots_are_drawn_for_wide_and_narrow_screens(page):
    assert page.count("<svg") == 2
    assert 'class="narrow"' in page


def test_no_two_drawings_share_a_name(page):
    names = re.findall(r' id="([^"]+)"', page)
    assert len(names) == len(set(names))


def test_plots_follow_the_colors_of_the_page(page):
    assert 'fill="var(--accent)"' in page
    assert "#0a0b0" not in page
    assert "prefers-color-scheme: dark" in page


def test_a_plot_without_data_says_so(page):
    assert "Nobody clicked yet." in page


def test_the_page_says_what_the_log_cannot_tell(page):
    assert "Whether a result was looked at." in page


def test_every_number_of_a_plot_can_be_read_as_text(page):
    assert page.count('<td class="number">30%</td>') == 20
