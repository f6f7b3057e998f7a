"""From the signals of a retriever to what a report says, section by section.

The input is the flat form of `report --json`; positions count from 0 there and ranks from 1 here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rankloop.cli.figures import (
    to_count,
    to_evidence,
    to_interval,
    to_percent,
    to_rank,
    to_rate,
    to_seconds,
)
from rankloop.cli.reporting_content import Bar, Bars, Column, Content, Listing, Tile

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

RULES: Final = {
    "ctr_below_5_percent": "under 5%",
    "fewer_clicks_than_expected": "below expected",
}


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
        bars=[_position_bars(report), _within_bars(report), *_day_bars(report)],
        listings=[
            _skipped_listing(report),
            _low_listing(report),
            _zero_listing(report),
            _query_listing(report),
            _document_listing(report),
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
            f"{report['orphan_interactions']:,} orphans,"
            f" {report['duplicate_clicks']:,} repeated clicks",
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
        parts.append(f"{robots['searches']:,} searches by robots left out")
    return " · ".join(part for part in parts if part)


def _to_crowd(report: Mapping[str, Any]) -> str:
    """Say how many people, sessions and visits made the searches."""
    named = ((report["users"], "users"), (report["visits"], "visits"))
    return ", ".join(f"{number:,} {name}" for number, name in named if number)


def _note(report: Mapping[str, Any], field: str, text: str) -> str:
    """Take the engine's own note on a field, or ours."""
    return str(report.get("notes", {}).get(field) or text)


def _position_bars(report: Mapping[str, Any]) -> Bars:
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
        _note(report, "ctr_by_position", "Clicked impressions of all that were shown there."),
        "rank",
        ("CTR", "95% interval", "shown", "clicked"),
        rows,
        empty="No list with known results is on record.",
    )


def _within_bars(report: Mapping[str, Any]) -> Bars:
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


def _day_bars(report: Mapping[str, Any]) -> list[Bars]:
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


def _skipped_listing(report: Mapping[str, Any]) -> Listing:
    """List documents that are ranked high and passed over."""
    rows = []
    for row in report["skipped_documents"]:
        worst = row["loses_most_in"]
        rows.append(
            (
                str(row["document_id"]),
                to_count(row["impressions"]),
                to_count(row["clicks"]),
                to_count(row["expected_clicks"]),
                to_rate(row["ctr"]),
                worst["query"] if worst else "",
            )
        )
    return Listing(
        "Ranked high but skipped",
        _note(
            report,
            "skipped_documents",
            "Fewer clicks than the positions they were shown at get with everyone. Most lost clicks"
            " first.",
        ),
        (
            Column("document"),
            Column("shown", is_number=True, is_minor=True),
            Column("clicked", is_number=True),
            Column("expected", is_number=True),
            Column("CTR", is_number=True, is_minor=True),
            Column("most in query"),
        ),
        rows,
        empty="No document is passed over more than chance explains.",
    )


def _low_listing(report: Mapping[str, Any]) -> Listing:
    """List queries whose results people leave alone."""
    rows = [
        (
            str(row["query"]),
            to_count(row["searches"]),
            to_rate(row["ctr"]),
            to_count(row["clicks"]),
            to_count(row["expected_clicks"]),
            ", ".join(RULES.get(rule, rule) for rule in row["rules"]),
        )
        for row in report["low_engagement_queries"]
    ]
    return Listing(
        "Queries that need work",
        _note(
            report,
            "low_engagement_queries",
            "Under 5% of the searches clicked, or fewer clicks than the positions shown get with"
            " everyone (of such findings about one in ten may be chance). Most lost clicks first.",
        ),
        (
            Column("query"),
            Column("searches", is_number=True),
            Column("with a click", is_number=True),
            Column("clicks", is_number=True, is_minor=True),
            Column("expected", is_number=True, is_minor=True),
            Column("why", is_minor=True),
        ),
        rows,
        empty="No query is clicked less than chance explains.",
    )


def _zero_listing(report: Mapping[str, Any]) -> Listing:
    """List queries that found nothing."""
    rows = [
        (
            str(row["query"]),
            to_count(row["zero_result_searches"]),
            to_rate(row["zero_result_rate"]),
            to_count(row["reported"]),
        )
        for row in report["zero_result_queries"]
    ]
    return Listing(
        "Queries that found nothing",
        _note(report, "zero_result_queries", "What people look for and the index does not have."),
        (
            Column("query"),
            Column("empty", is_number=True),
            Column("of its searches", is_number=True),
            Column("reported", is_number=True, is_minor=True),
        ),
        rows,
        empty="Every search with known results found something.",
    )


def _query_listing(report: Mapping[str, Any]) -> Listing:
    """List the most frequent queries."""
    rows = [
        (
            str(row["query"]),
            to_count(row["searches"]),
            to_rate(row["ctr"]),
            to_rank(row["average_first_click_position"]),
            to_count(row["reformulated_searches"]),
        )
        for row in report["top_queries"]
    ]
    return Listing(
        "Most frequent queries",
        "",
        (
            Column("query"),
            Column("searches", is_number=True),
            Column("with a click", is_number=True),
            Column("first click at rank", is_number=True, is_minor=True),
            Column("asked again", is_number=True, is_minor=True),
        ),
        rows,
        empty="No query is on record.",
    )


def _document_listing(report: Mapping[str, Any]) -> Listing:
    """List the most clicked documents."""
    rows = [
        (
            str(row["document_id"]),
            to_count(row["clicks"]),
            to_count(row["impressions"]),
            to_rate(row["ctr"]),
            to_count(row["conversions"]),
            to_rank(row["average_position"]),
        )
        for row in report["top_documents"]
    ]
    return Listing(
        "Most clicked documents",
        "",
        (
            Column("document"),
            Column("clicked", is_number=True),
            Column("shown", is_number=True, is_minor=True),
            Column("CTR", is_number=True),
            Column("conversions", is_number=True),
            Column("mean rank", is_number=True, is_minor=True),
        ),
        rows,
        empty="No document is on record.",
    )
