"""The signals of a retriever, as the API answers them."""

from __future__ import annotations

from typing import Any, Literal

from rankloop.client.records import Record


class Rate(Record, kw_only=True, frozen=True):
    """A share, how much it rests on, and its 95% interval."""

    value: float | None
    """None where there is no data, 0 where there is data and no click."""
    n: int
    low: float | None = None
    high: float | None = None
    clustered_by: Literal["user", "session", "search", "mixed"] | None = None


class Signals(Record, kw_only=True, frozen=True):
    """Everything that the log says about one retriever."""

    overview: dict[str, Any]
    ctr_by_position: list[dict[str, Any]] = []
    skipped_documents: list[dict[str, Any]] = []
    low_engagement_queries: list[dict[str, Any]] = []
    zero_result_queries: list[dict[str, Any]] = []
    average_first_click_position: Any = None
    time_to_first_click: dict[str, Any] = {}
