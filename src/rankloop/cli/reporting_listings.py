"""The lists of a report: queries and documents, and what people do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rankloop.cli.figures import to_count, to_rank, to_rate
from rankloop.cli.reporting_content import Column, Listing, find_note

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES: Final = {
    "ctr_below_5_percent": "under 5%",
    "fewer_clicks_than_expected": "below expected",
}


def build_skipped_listing(report: Mapping[str, Any]) -> Listing:
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
        find_note(
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


def build_low_listing(report: Mapping[str, Any]) -> Listing:
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
        find_note(
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


def build_zero_listing(report: Mapping[str, Any]) -> Listing:
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
        find_note(
            report, "zero_result_queries", "What people look for and the index does not have."
        ),
        (
            Column("query"),
            Column("empty", is_number=True),
            Column("of its searches", is_number=True),
            Column("reported", is_number=True, is_minor=True),
        ),
        rows,
        empty="Every search with known results found something.",
    )


def build_query_listing(report: Mapping[str, Any]) -> Listing:
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


def build_document_listing(report: Mapping[str, Any]) -> Listing:
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
