"""The plots of a report: where, how soon and when people click."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rankloop.cli.figures import to_count, to_interval, to_percent, to_rank
from rankloop.cli.reporting_content import Bar, Bars, find_note

if TYPE_CHECKING:
    from collections.abc import Mapping


def build_position_bars(report: Mapping[str, Any]) -> Bars:
    """Draw click-through by position."""
    rows = [
        Bar(
            to_rank(row["position"]),
            row["ctr"]["value"],
            row["ctr"]["low"],
            row["ctr"]["high"],
            (
                to_percent(row["ctr"]["value"]),
                to_interval(row["ctr"]),
                to_count(row["impressions"]),
                to_count(row["clicks"]),
            ),
        )
        for row in report["ctr_by_position"]
    ]
    return Bars(
        "Click-through by position",
        find_note(report, "ctr_by_position", "Clicked impressions of all that were shown there."),
        "rank",
        ("CTR", "95% interval", "shown", "clicked"),
        rows,
        empty="No list with known results is on record.",
    )


def build_first_click_bars(report: Mapping[str, Any]) -> Bars:
    """Draw where people click first."""
    rows = [
        Bar(
            to_rank(row["position"]),
            row["share"],
            details=(to_percent(row["share"]), to_count(row["searches"])),
        )
        for row in report["first_click"]["by_position"]
    ]
    return Bars(
        "Rank of the first click",
        "Of the searches with a click. A place is clicked first because it is good or because it is"
        " high; how deep people go shows how far they have to look.",
        "rank",
        ("share", "searches"),
        rows,
        empty="No search has a click.",
    )


def build_within_bars(report: Mapping[str, Any]) -> Bars:
    """Draw how many searches are clicked soon."""
    rows = [
        Bar(
            f"{row['within_s']} s",
            row["share"]["value"],
            row["share"]["low"],
            row["share"]["high"],
            (
                to_percent(row["share"]["value"]),
                to_interval(row["share"]),
                to_count(row["share"]["n"]),
            ),
        )
        for row in report["time_to_first_click"]["clicked_within"]
        if row["share"]["value"] is not None
    ]
    without = to_percent(report["first_click"]["no_click_share"]["value"])
    return Bars(
        "Clicked within",
        f"Of all searches with known results; {without} get no click at all.",
        "within",
        ("share", "95% interval", "searches"),
        rows,
        empty="No list with known results is on record.",
    )


def build_day_bars(report: Mapping[str, Any]) -> list[Bars]:
    """Draw click-through by day, where the report has days."""
    days = sorted(report.get("days") or [], key=lambda row: str(row["day"]))
    if len(days) < 2:
        return []
    rows = [
        Bar(
            str(row["day"])[5:],
            row["ctr"]["value"],
            row["ctr"]["low"],
            row["ctr"]["high"],
            (
                to_percent(row["ctr"]["value"]),
                to_interval(row["ctr"]),
                to_count(row["searches"]),
            ),
        )
        for row in days
    ]
    note = "Searches with a click, per day in UTC. Weekdays differ: compare like with like."
    return [
        Bars(
            "Searches with a click, by day", note, "day", ("CTR", "95% interval", "searches"), rows
        )
    ]
