"""`rankloop bias`: how likely each position is looked at, beside the naive curve."""

from typing import TYPE_CHECKING, Final

from rankloop.cli.output import OK, Output
from rankloop.cli.reporting import EVERY
from rankloop.cli.target import HERE, Target

if TYPE_CHECKING:
    from rich.table import Table

    from rankloop.client.bias import BiasFilters
    from rankloop.tables.bias import Bias, BiasPosition

BIAS_EXAMPLES: Final = """\
rankloop bias
rankloop bias --retriever products --days 90
rankloop bias --segment device:mobile --json"""

NAIVE: Final = "○"
"""Marks where click-through would put a position."""

STYLES: Final = {"identified": "bold green", "weak": "bold yellow", "not_identifiable": "bold red"}

HEADLINES: Final = {
    "identified": "Identified: the log tells position and document apart.",
    "weak": "Weak: the log barely tells position and document apart.",
    "not_identifiable": "Not identifiable: the log cannot tell position and document apart.",
}


def bias(
    target: Target = HERE,
    *,
    retriever: str | None = None,
    days: int | None = None,
    segment: str | None = None,
) -> int:
    """Estimate how likely each position is looked at.

    Propensities with 95% intervals beside the naive curve, which mixes place
    and content; whether the log can tell them apart, and what to do if not.
    Exit status 0 whatever the answer is.

    Args:
        target: The data folder or the server.
        retriever: Which retriever; all of them together when left out.
        days: Only the last days; everything on record when left out.
        segment: Only a part of the traffic, such as device:mobile.
    """
    output = target.open_output()
    filters: BiasFilters = {}
    if days is not None:
        filters["days"] = days
    if segment is not None:
        filters["segment"] = segment
    with target.connect() as loop, output.progress("estimate"):
        estimate = loop.bias.get(retriever or EVERY, **filters)
    output.document(estimate)
    if not output.is_json:
        show_bias(output, estimate)
    return OK


def show_bias(output: Output, estimate: "Bias") -> None:
    """Show an estimate to people."""
    from rich.text import Text

    output.say(Text(HEADLINES[estimate.status], style=STYLES[estimate.status]))
    output.say(Text(estimate.advice))
    output.say()
    if estimate.positions:
        output.say(build_curve(estimate, output.people.width))
        output.say(Text(f"{NAIVE} click-through, which mixes place and content", style="dim"))
        output.say()
    for sentence in list_remarks(estimate):
        output.say(Text(f"  • {sentence}", style="dim"))


def build_curve(estimate: "Bias", width: int) -> "Table":
    """Draw the propensities with their intervals, and the naive curve on the same lines.

    Args:
        estimate: What was estimated.
        width: Of the terminal, in characters.
    """
    from rich.table import Table
    from rich.text import Text

    from rankloop.cli.figures import UNKNOWN, to_count
    from rankloop.cli.reporting_text import BAR_CELLS, NARROW_CELLS, NARROW_FROM

    n_cells = NARROW_CELLS if width < NARROW_FROM else BAR_CELLS
    ends = [value for row in estimate.positions for value in (row.high, row.naive) if value]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("rank", "", "looked at", "95% interval", "light", "naive", "clicked"):
        table.add_column(head, justify="left" if not head else "right", no_wrap=True)
    for row in estimate.positions:
        last = row.last_position + 1
        known = row.low is not None and row.high is not None
        table.add_row(
            str(last) if row.position == row.last_position else f"{row.position + 1}-{last}",
            Text(draw_row(row, max(ends, default=1.0), n_cells), style="cyan"),
            UNKNOWN if row.propensity is None else f"{row.propensity:.3f}",
            f"{row.low:.3f}-{row.high:.3f}" if known else "",
            Text(row.light, style={"amber": "yellow"}.get(row.light, row.light)),
            UNKNOWN if row.naive is None else f"{row.naive:.3f}",
            to_count(row.clicks),
        )
    return table


def draw_row(row: "BiasPosition", most: float, n_cells: int) -> str:
    """Draw one position: a bar with its interval, and a mark where the naive curve is.

    Args:
        row: The position.
        most: What the full width stands for, above 0.
        n_cells: The full width, in characters.

    Example:
        >>> from rankloop.tables.bias import BiasPosition
        >>> row = BiasPosition(1, 1, 0.6, 0.1, 0.5, 0.8, 0.3, "green", 100, 20, 0.6)
        >>> draw_row(row, 1.0, 10)
        '██○█├──┤  '
    """
    from rankloop.cli.reporting_content import Bar
    from rankloop.cli.reporting_text import draw_bar

    bar = draw_bar(Bar("", row.propensity, row.low, row.high), most, n_cells)
    if row.naive is None:
        return bar
    place = min(max(round(row.naive / most * n_cells) - 1, 0), n_cells - 1)
    return bar[:place] + NAIVE + bar[place + 1 :]


def list_remarks(estimate: "Bias") -> list[str]:
    """Say what supports the curve, one sentence each."""
    remarks = [
        f"{estimate.harvest_share:.0%} of {estimate.clicks:,} clicks fell on documents that were"
        " shown at several ranks"
    ]
    if estimate.method != "none":
        by = "person" if estimate.is_clustered else "click, not by person"
        remarks.append(f"method {estimate.method.replace('_', ' ')}, errors by {by}")
    if estimate.drift.status != "unchecked":
        remarks.append(
            f"drift {estimate.drift.status}: weeks differ by {estimate.drift.largest:.1f} standard"
            " errors at most"
        )
    remarks += [
        f"if rank^-{guess.eta:g} were true, {guess.changed_share:.0%} of clicked queries would have"
        " another best document"
        for guess in estimate.sensitivity
        if guess.eta
    ]
    return remarks
