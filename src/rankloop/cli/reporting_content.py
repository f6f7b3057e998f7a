"""What a report says, in order, before it is drawn on a terminal or a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Tile:
    """One headline number."""

    label: str
    value: str
    evidence: str = ""
    """What it rests on: n and interval."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a plot; a value of None is unknown and leaves a gap."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    details: tuple[str, ...] = ()
    """The numbers beside it, one per head of the plot."""


@dataclass(frozen=True, slots=True)
class Bars:
    """A plot of shares."""

    title: str
    note: str
    x_title: str
    heads: tuple[str, ...]
    rows: list[Bar]
    empty: str = "Nothing to draw yet."


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list."""

    name: str
    is_number: bool = False
    is_minor: bool = False
    """Whether a narrow page leaves it out."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: rows of texts."""

    title: str
    note: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, ...]]
    empty: str = "None."
    n_on_terminal: int = 10


@dataclass(frozen=True, slots=True)
class Content:
    """A whole report."""

    title: str
    subtitle: str
    tiles: list[Tile] = field(default_factory=list)
    bars: list[Bars] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    """What the log cannot tell, one sentence each."""
    footer: str = ""


def find_note(report: Mapping[str, Any], field: str, text: str) -> str:
    """Take the engine's own note on a field, or ours."""
    return str(report.get("notes", {}).get(field) or text)
