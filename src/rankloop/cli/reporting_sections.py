"""From the signals of a retriever to what a report says, section by section.

The input is the flat form of `report --json`; positions count from 0 there and ranks from 1 here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rankloop.cli.figures import (
    to_count,
    to_counted,
    to_evidence,
    to_percent,
    to_rank,
    to_rate,
    to_seconds,
)
from rankloop.cli.reporting_bars import (
    build_day_bars,
    build_first_click_bars,
    build_position_bars,
    build_within_bars,
)
from rankloop.cli.reporting_content import Content, Tile
from rankloop.cli.reporting_listings import (
    build_document_listing,
    build_low_listing,
    build_query_listing,
    build_skipped_listing,
    build_zero_listing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MISSING: Final = {
    "searches": "What was shown: no search is on record, so there are counts but no rates. Post"
    " each list to /v1/searches, or import lists.",
    "results": "Which documents were shown: the results of every search are unknown. Send"
    " `results` with each search.",
    "interactions": "What people did: no interaction is on record.",
}
"""What each lack means for the reader, and what to do about it."""


def build_content(report: Mapping[str, Any]) -> Content:
    """Say everything that a report has to say.

    Args:
        report: The flat form of the signals, as `rankloop report --json` prints it.
    """
    retriever = report.get("retriever_id")
    return Content(
        title=f"Search report: {retriever}" if retriever else "Search report: all retrievers",
        subtitle=_to_subtitle(report),
        tiles=build_tiles(report),
        bars=[
            build_position_bars(report),
            build_first_click_bars(report),
            build_within_bars(report),
            *build_day_bars(report),
        ],
        listings=[
            build_skipped_listing(report),
            build_low_listing(report),
            build_zero_listing(report),
            build_query_listing(report),
            build_document_listing(report),
        ],
        limits=build_limits(report),
        footer="Intervals are 95%, on n over the design effect of the clusters named beside them. "
        "Ranks count from 1; positions in the data count from 0. Robots are left out.",
    )


def build_tiles(report: Mapping[str, Any]) -> list[Tile]:
    """Choose the headline numbers."""
    first, soon = report["first_click"], report["time_to_first_click"]
    mean = to_rank(first["average_position"])
    spread = [to_rank(first[end]) for end in ("low", "high")]
    quartiles = [to_seconds(soon[f"{which}_quartile_s"]) for which in ("lower", "upper")]
    return [
        Tile("Searches", to_count(report["searches"]), _to_crowd(report)),
        _rate_tile("Searches with a click", report["ctr"]),
        Tile(
            "Impressions",
            to_count(report["impressions"]),
            f"{to_rate(report['impression_ctr'])} clicked",
        ),
        Tile(
            "Interactions",
            to_count(report["interactions"]),
            f"{to_counted(report['orphan_interactions'], 'orphan')},"
            f" {to_counted(report['duplicate_clicks'], 'repeated click')}",
        ),
        _rate_tile("Converted searches", report["conversion_rate"]),
        _rate_tile("Zero results", report["zero_result_rate"]),
        _rate_tile("Abandoned", report["abandonment"]),
        _rate_tile("Asked again", report["reformulation"]),
        Tile(
            "First click at rank",
            mean,
            f"{spread[0]}–{spread[1]}, n={first['n']:,}" if first["n"] else "no data",
        ),
        Tile(
            "Time to first click",
            to_seconds(soon["median_s"]),
            f"median; half in {quartiles[0]}–{quartiles[1]}" if soon["n"] else "no data",
        ),
    ]


def build_limits(report: Mapping[str, Any]) -> list[str]:
    """Say what the log cannot tell, and why."""
    limits = [MISSING[lack] for lack in report["missing"] if lack in MISSING]
    if report["interactions"] and report["orphan_interactions"]:
        share = report["orphan_interactions"] / report["interactions"]
        limits.append(
            f"Where {to_percent(share)} of the interactions came from: no list on record showed"
            " their document. They are in no rate."
        )
    if report["unknown_result_searches"] and "results" not in report["missing"]:
        limits.append(
            f"What {report['unknown_result_searches']:,} searches showed: their results are"
            " unknown, and they are in no rate."
        )
    if report["ctr_by_position"]:
        limits.append(
            "What people looked at: click-through by position mixes how likely a place is looked at"
            " with what was put there."
        )
    return limits


def _rate_tile(label: str, rate: Mapping[str, Any]) -> Tile:
    return Tile(label, to_percent(rate["value"]), to_evidence(rate))


def _to_subtitle(report: Mapping[str, Any]) -> str:
    """Name the window and the segment."""
    window = report["window"]
    start, end = (str(window[name])[:10] if window.get(name) else "" for name in ("start", "end"))
    parts = [f"from {start}" if start else "everything on record", f"until {end}" if end else ""]
    segment = window.get("segment") or {}
    parts += [f"{name} {value}" for name, value in segment.items() if value]
    robots = report["robots"]
    if robots["searches"] and not window.get("include_robots"):
        left_out = to_counted(robots["searches"], "search", "searches")
        parts.append(f"{left_out} by robots left out")
    return " · ".join(part for part in parts if part)


def _to_crowd(report: Mapping[str, Any]) -> str:
    """Say how many people, sessions and visits made the searches."""
    named = ((report["users"], "user"), (report["visits"], "visit"))
    return ", ".join(to_counted(number, name) for number, name in named if number)
