"""What a benchmark says: figures, each beside the peer's of the same run."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final

import msgspec
from rich.table import Table

_SMALLER_IS_BETTER: Final = frozenset({"ms", "s", "MiB"})


class Figure(msgspec.Struct, frozen=True):
    """One number that was measured.

    Attributes:
        name: What it is, such as `capture_single_per_s`.
        value: Ours.
        unit: `1/s`, `ms`, `s` or `MiB`.
        peer: What a user would pick instead; null where none ran.
        peer_value: Theirs, in the same unit.
        ratio: How many times better we are; over 1 means better, whatever the unit.
    """

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None


class Outcome(msgspec.Struct, frozen=True):
    """All figures of one run, and the machine they were measured on."""

    figures: list[Figure]
    machine: str


def compare(
    name: str, value: float, unit: str, peer: str | None = None, peer_value: float | None = None
) -> Figure:
    """Put a figure beside the peer's.

    Example:
        >>> compare("capture_single_p99_ms", 10.0, "ms", "other", 40.0).ratio
        4.0
        >>> compare("capture_single_per_s", 10.0, "1/s", "other", 40.0).ratio
        0.25
    """
    ratio = None
    if peer_value and value:
        is_small_better = unit in _SMALLER_IS_BETTER
        ratio = round(peer_value / value if is_small_better else value / peer_value, 3)
    rounded = None if peer_value is None else round(peer_value, 3)
    return Figure(name, round(value, 3), unit, peer, rounded, ratio)


def describe_machine() -> str:
    """Name processor, cores, memory and versions, as far as the system tells."""
    cpu = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} cores of {cpu}, {memory_gib:.0f} GiB, {platform.system()},"
        f" Python {platform.python_version()}"
    )


def to_table(outcome: Outcome) -> Table:
    """Draw an outcome for a terminal."""
    table = Table(title=outcome.machine, title_justify="left")
    for heading in ("figure", "ours", "unit", "peer", "theirs", "times better"):
        table.add_column(heading, justify="left" if heading in {"figure", "peer"} else "right")
    for figure in outcome.figures:
        table.add_row(
            figure.name,
            f"{figure.value:,.4g}" if figure.value < 100 else f"{figure.value:,.0f}",
            figure.unit,
            figure.peer or "",
            "" if figure.peer_value is None else f"{figure.peer_value:,.4g}",
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
        )
    return table
