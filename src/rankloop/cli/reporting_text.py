"""A report on a terminal: tiles, bars with whiskers, lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

    from rankloop.cli.reporting_content import Bar, Bars, Content, Listing, Tile

BAR_CELLS: Final = 34
NARROW_CELLS: Final = 16
NARROW_FROM: Final = 90
"""Terminals of fewer columns get the shorter bars."""
MIN_TILE: Final = 26
FULL: Final = "█"
WHISKERS: Final = ("├", "┤", "─", "┼")


def draw_bar(bar: Bar, most: float, n_cells: int) -> str:
    """Draw a bar with its 95% interval in text.

    The bar ends at the value, the whisker goes from the lower to the upper end; where both fall
    into one cell it is a single mark.

    Args:
        bar: Value and interval, in the unit of `most`.
        most: What the full width stands for, above 0.
        n_cells: The full width, in characters.

    Example:
        >>> from rankloop.cli.reporting_content import Bar
        >>> draw_bar(Bar("1", 0.5, 0.4, 0.6), most=1.0, n_cells=10)
        '███├─┤    '
        >>> draw_bar(Bar("2", 0.5), most=1.0, n_cells=10)
        '█████     '
    """
    if bar.value is None:
        return "·".ljust(n_cells)

    def cell(value: float) -> int:
        return min(n_cells - 1, max(0, round(value / most * n_cells) - 1))

    if bar.low is None or bar.high is None:
        filled = round(bar.value / most * n_cells)
        if filled == 0 and bar.value > 0:
            return "▏".ljust(n_cells)
        return (FULL * filled).ljust(n_cells)
    low, high = cell(bar.low), cell(bar.high)
    left, right, line, both = WHISKERS
    whisker = both if low == high else left + line * (high - low - 1) + right
    return (FULL * low + whisker).ljust(n_cells)


def print_content(console: Console, content: Content) -> None:
    """Write a whole report."""
    from rich.text import Text

    console.print()
    console.print(Text(content.title, style="bold"), Text(content.subtitle, style="dim"), sep="\n")
    console.print()
    print_tiles(console, content.tiles)
    for bars in content.bars:
        print_bars(console, bars)
    for listing in content.listings:
        print_listing(console, listing)
    if content.limits:
        console.print(Text("What this log cannot tell", style="bold"))
        for sentence in content.limits:
            console.print(Text(f"  • {sentence}"))
        console.print()


def print_tiles(console: Console, tiles: list[Tile]) -> None:
    """Write the headline numbers side by side."""
    from rich.columns import Columns
    from rich.text import Text

    cells = [
        Text.assemble(
            (tile.label, "dim"), "\n", (tile.value, "bold"), "\n", (tile.evidence or " ", "dim")
        )
        for tile in tiles
    ]
    width = max([MIN_TILE, *(cell.cell_len for text in cells for cell in text.split("\n"))])
    console.print(Columns(cells, width=min(width, console.width), padding=(0, 2, 1, 0)))
    console.print()


def print_bars(console: Console, bars: Bars) -> None:
    """Write a plot: one line a bar, with its numbers beside it."""
    from rich.table import Table
    from rich.text import Text

    print_heading(console, bars.title, bars.note)
    if not bars.rows:
        console.print(Text(f"  {bars.empty}", style="dim"))
        console.print()
        return
    n_cells = NARROW_CELLS if console.width < NARROW_FROM else BAR_CELLS
    most = max((bar.high or bar.value or 0.0) for bar in bars.rows) or 1.0
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(bars.x_title, justify="right")
    table.add_column("", no_wrap=True)
    for head in bars.heads:
        table.add_column(head, justify="right", no_wrap=True)
    for bar in bars.rows:
        table.add_row(
            bar.label, Text(draw_bar(bar, most, n_cells), style="cyan"), *map(Text, bar.details)
        )
    console.print(table)
    console.print()


def print_listing(console: Console, listing: Listing) -> None:
    """Write a list; what is longer than a screen is cut, and says so."""
    from rich.table import Table
    from rich.text import Text

    print_heading(console, listing.title, listing.note)
    if not listing.rows:
        console.print(Text(f"  {listing.empty}", style="dim"))
        console.print()
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in listing.columns:
        is_number = column.is_number
        table.add_column(
            column.name,
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
            ratio=None if is_number else 1,
        )
    shown = listing.rows[: listing.n_on_terminal]
    for row in shown:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    if len(listing.rows) > len(shown):
        left = len(listing.rows) - len(shown)
        console.print(Text(f"  and {left} more: --html or --json shows them", style="dim"))
    console.print()


def print_heading(console: Console, title: str, note: str) -> None:
    """Write a section's title and what to know about it."""
    from rich.text import Text

    console.print(Text(title, style="bold"))
    if note:
        console.print(Text(note, style="dim"))
