"""What people do with what they are shown, as one answer."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from rankloop.tables.engagement import (
    DocumentRow,
    LowEngagementQuery,
    QueryRow,
    SkippedDocument,
    ZeroResultQuery,
)
from rankloop.tables.overview import FirstClick, Overview, PositionRow, TimeToFirstClick
from rankloop.tables.pages import Page
from rankloop.tables.rates import Rate
from rankloop.tables.records import Record
from rankloop.tables.windows import InsightsWindow


class DayRow(Record, frozen=True):
    """One day, in UTC."""

    day: date
    """The day."""

    searches: int
    """Lists shown."""

    impressions: int
    """Documents shown."""

    clicks: int
    """Documents shown and clicked."""

    zero_result_searches: int
    """Lists known to be empty."""

    converted_searches: int
    """Lists with a credited purchase or cart."""

    ctr: Rate
    """Searches with a credited click, of those with known results."""


class Performance(Record, frozen=True):
    """How the retriever does, in all and by day."""

    overview: Overview
    """Over the whole window."""

    days: Page[DayRow]
    """Day by day, newest first, one page."""


class Signals(Record, frozen=True):
    """Everything that analytics knows about a retriever, in one answer."""

    retriever_id: str | None
    """Which retriever; null for all."""

    window: InsightsWindow
    """Which part of the log."""

    overview: Overview
    """How much there is."""

    ctr_by_position: list[PositionRow]
    """From position 0 to the deepest shown, at most 100 rows."""

    deeper: PositionRow | None
    """Everything from position 100 on, where there is any."""

    average_first_click_position: float | None
    """As `first_click.average_position`."""

    first_click: FirstClick
    """Where people click first, with its evidence."""

    time_to_first_click: TimeToFirstClick
    """How long they take."""

    skipped_documents: list[SkippedDocument]
    """Ranked high and passed over, most lost clicks first."""

    low_engagement_queries: list[LowEngagementQuery]
    """Queries to tune, most lost clicks first."""

    zero_result_queries: list[ZeroResultQuery]
    """Queries that found nothing, most frequent first."""

    top_queries: list[QueryRow]
    """The most frequent queries."""

    top_documents: list[DocumentRow]
    """The most clicked documents."""

    missing: list[str]
    """What the log lacks for a fuller answer: `searches`, `results`, `interactions`."""

    notes: dict[str, str]
    """How to read what is easily misread, by field."""

    def to_report(self) -> dict[str, Any]:
        """Return the flat form of the report: the overview's fields stand at the top."""
        nested: dict[str, Any] = msgspec.to_builtins(self)
        overview: dict[str, Any] = nested.pop("overview")
        return {**overview, **nested}
