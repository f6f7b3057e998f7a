"""A report as one self-contained page: nothing is fetched when it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rankloop.cli.reporting_plots import Plot, draw_bars
from rankloop.version import __version__

if TYPE_CHECKING:
    from rankloop.cli.reporting_content import Bars, Content

TEMPLATE: Final = "report.html.j2"


def render_page(content: Content) -> str:
    """Write a report as HTML; every text in it is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("rankloop.cli"), autoescape=True, undefined=StrictUndefined
    )
    plots = [(bars, _draw(bars)) for bars in content.bars]
    page: str = environment.get_template(TEMPLATE).render(
        content=content, plots=plots, version=__version__
    )
    return page


def _draw(bars: Bars) -> Plot | None:
    """Draw a plot, where there is something to draw."""
    if not any(bar.value is not None for bar in bars.rows):
        return None
    rows = [
        {"label": bar.label, "value": bar.value, "low": bar.low, "high": bar.high}
        for bar in bars.rows
    ]
    return draw_bars(rows, what=bars.title, x_title=bars.x_title)
