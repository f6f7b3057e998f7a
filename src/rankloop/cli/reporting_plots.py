"""Plots of the report page: Vega-Lite drawn to SVG here, so that the page needs no network.

Each plot is drawn twice, for a wide and a narrow screen, because a drawing that is scaled down to
a telephone cannot be read. Colors are the page's own variables, so that they follow dark mode.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import altair

INK: Final = "#0a0b01"
FAINT: Final = "#0a0b02"
ACCENT: Final = "#0a0b03"
SOFT: Final = "#0a0b04"
VARIABLES: Final = {
    INK: "var(--ink)",
    FAINT: "var(--line)",
    ACCENT: "var(--accent)",
    SOFT: "var(--soft)",
}
"""Colors that Vega takes, and the page's variables that they stand for."""

WIDE: Final = 452
NARROW: Final = 272
HEIGHT: Final = 190
"""Sizes of the plotting area, in pixels."""

LABEL_PIXELS: Final = 8
CHARACTER_PIXELS: Final = 7
"""About what a label needs: the space around it, and each character."""

FEW_BARS: Final = 5
"""Up to so many bars stand further apart, or they would be slabs."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing in both widths, as SVG text."""

    wide: str
    narrow: str


def draw_bars(rows: Sequence[Mapping[str, Any]], *, what: str, x_title: str) -> Plot:
    """Draw bars of shares, with their 95% intervals where they have some.

    Args:
        rows: One bar each: `label`, `value` in [0, 1], `low`, `high`; a value of None leaves a gap.
        what: What is drawn, for screen readers.
        x_title: What the labels are.
    """
    import vl_convert

    labelled = [_label(row) for row in rows]

    def render(width: int) -> str:
        spec = _build(labelled, width=width, what=what, x_title=x_title).to_dict()
        return _to_themed(vl_convert.vegalite_to_svg(spec))

    return Plot(wide=render(WIDE), narrow=render(NARROW))


def _label(row: Mapping[str, Any]) -> Row:
    """Make the label a text: Vega would treat numbers and their texts as different values."""
    return {**row, "label": str(row["label"])}


def _build(rows: list[Row], *, width: int, what: str, x_title: str) -> altair.LayerChart:
    """Describe bars, and whiskers where rows have intervals."""
    import altair as alt

    labels = [row["label"] for row in rows]
    longest = max((len(label) for label in labels), default=1)
    n_most = max(1, width // (LABEL_PIXELS + CHARACTER_PIXELS * longest))
    step = max(1, -(-len(labels) // n_most))
    base = alt.Chart(alt.InlineData(values=rows), description=what)
    x = alt.X(
        "label:O",
        title=x_title,
        axis=alt.Axis(labelAngle=0, ticks=False, values=labels[::step], labelPadding=6),
        scale=alt.Scale(
            domain=labels, paddingInner=0.28 if len(rows) > FEW_BARS else 0.6, paddingOuter=0.2
        ),
    )
    y = alt.Y("value:Q", title=None, axis=alt.Axis(format=".1~%", tickCount=4, ticks=False))
    layers = [base.mark_bar(color=ACCENT, cornerRadiusEnd=2).encode(x=x, y=y)]
    if any(row.get("high") is not None for row in rows):
        layers.append(base.mark_rule(color=INK, size=1.3).encode(x=x, y="low:Q", y2="high:Q"))
        layers += [
            base.mark_tick(color=INK, thickness=1.3, size=7).encode(x=x, y=f"{end}:Q")
            for end in ("low", "high")
        ]
    return _style(alt.LayerChart(layer=layers).properties(width=width, height=HEIGHT))


def _style(chart: altair.LayerChart) -> altair.LayerChart:
    """Give a chart the page's look."""
    styled: altair.LayerChart = (
        chart.configure(background="transparent", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            titleColor=INK,
            domainColor=FAINT,
            gridColor=FAINT,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=8,
        )
        .configure_axisX(grid=False)
        .configure_axisY(domain=False)
    )
    return styled


def _to_themed(svg: str) -> str:
    """Put the page's variables where Vega wrote stand-in colors, and make its names its own.

    Vega names clip paths the same in every drawing, and the page holds many.
    """
    own = hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = svg.replace('id="clip', f'id="{own}-clip').replace("url(#clip", f"url(#{own}-clip")
    for stand_in, variable in VARIABLES.items():
        svg = svg.replace(f'"{stand_in}"', f'"{variable}"')
    return svg.replace('font-family="sans-serif"', 'font-family="inherit"')
