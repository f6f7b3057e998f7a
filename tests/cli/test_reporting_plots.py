"""Plots as SVG text."""

import re
import xml.etree.ElementTree as ET

from rankloop.cli.reporting_plots import NARROW, WIDE, draw_bars

ROWS = [{"label": i + 1, "value": 0.1, "low": 0.05, "high": 0.2} for i in range(30)]


def labels(svg):
    return [node.text for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def width(svg):
    return float(re.search(r'width="([\d.]+)"', svg).group(1))


def test_a_drawing_is_wellformed_and_has_its_width():
    plot = draw_bars(ROWS, what="CTR", x_title="rank")
    assert WIDE < width(plot.wide) < WIDE + 80
    assert NARROW < width(plot.narrow) < NARROW + 80


def test_labels_that_do_not_fit_are_left_out_evenly():
    plot = draw_bars(ROWS, what="CTR", x_title="rank")
    assert "30" not in labels(plot.narrow)
    assert {"1", "4", "7"} <= set(labels(plot.narrow))
    assert {"1", "3", "5"} <= set(labels(plot.wide))


def test_a_gap_is_left_where_the_value_is_unknown():
    rows = [{"label": "a", "value": None}, {"label": "b", "value": 0.5}]
    plot = draw_bars(rows, what="CTR", x_title="rank")
    assert {"a", "b"} <= set(labels(plot.wide))


def test_a_share_of_nothing_can_be_drawn():
    plot = draw_bars([{"label": "a", "value": 0.0}], what="CTR", x_title="rank")
    assert plot.wide.startswith("<svg")
