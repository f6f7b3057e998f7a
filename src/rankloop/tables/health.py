"""Is the instrumentation sound? What was found, how bad it is, and what to do."""

from __future__ import annotations

from typing import Literal

from rankloop.tables.records import Record
from rankloop.tables.windows import InsightsWindow

Severity = Literal["error", "warning", "info"]
"""An error makes answers wrong, a warning makes them weaker, an info explains them."""


class Finding(Record, frozen=True):
    """One thing that the log shows about the way it was made."""

    severity: Severity
    """How bad it is."""

    code: str
    """Stable name in snake_case."""

    message: str
    """What was found, in one sentence."""

    count: int
    """How many rows show it."""

    n: int
    """How many could have."""

    share: float | None
    """count / n; null where n is 0."""

    example: str | None
    """Where it shows most; never anything about a person."""

    advice: str
    """What to do next."""


class Health(Record, frozen=True):
    """The instrumentation doctor's answer."""

    retriever_id: str | None
    """Which retriever; null for all."""

    window: InsightsWindow
    """Which part of the log."""

    is_sound: bool
    """Whether no error was found."""

    searches: int
    """Lists shown, robots included."""

    interactions: int
    """Interactions, robots included."""

    findings: list[Finding]
    """Worst first."""
