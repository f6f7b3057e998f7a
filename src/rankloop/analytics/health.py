"""Is the instrumentation sound? A broken tracker must look different from a bad ranking.

Every check counts rows that show one fault among rows that could; how large the share must be to
weaken answers (a warning) or to make them wrong (an error) stands beside it. Shares are of people
and programs together: a fault of a robot's is a fault of the tracker's too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rankloop.analytics.symptoms import SYMPTOMS, Symptom
from rankloop.tables.health import Finding, Health, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from rankloop.tables.windows import InsightsWindow

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")
"""Worst first."""

ENOUGH: Final = 100
"""Fewest lists or interactions from which the absence of the other kind is a fault."""

OFF_BY_ONE: Final = 0.9
"""Share of misplaced interactions one too deep from which positions are taken to count from 1."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The rows of both answers by source, and their sums."""

    searches: Sequence[Mapping[str, Any]]
    """Rows of `health_searches`."""

    interactions: Sequence[Mapping[str, Any]]
    """Rows of `health_interactions`."""

    def rows(self, symptom: Symptom) -> Sequence[Mapping[str, Any]]:
        """Return the rows in which a symptom shows."""
        rows = self.searches if symptom.among == "searches" else self.interactions
        return [row for row in rows if symptom.source in (None, row["source"])]

    def total(self, column: str) -> int:
        """Sum a column over sources, of whichever answer has it."""
        answer = self.searches if column in SEARCH_COLUMNS else self.interactions
        return sum(row[column] for row in answer)


SEARCH_COLUMNS: Final = frozenset({"searches", "clicked", "without_results", "empty"})
"""Columns that only `health_searches` has."""


def examine(
    searches: pa.Table,
    interactions: pa.Table,
    retriever_id: str | None,
    window: InsightsWindow,
) -> Health:
    """Examine how a log was made.

    Args:
        searches: The answer to `health_searches`.
        interactions: The answer to `health_interactions`.
        retriever_id: Which retriever; None for all.
        window: Which part of the log.
    """
    counts = Counts(searches.to_pylist(), interactions.to_pylist())
    shown = [look_for(symptom, counts) for symptom in SYMPTOMS]
    found = [finding for finding in (*find_absences(counts), *shown) if finding is not None]
    found = explain_positions(found, counts)
    found.sort(key=lambda finding: (SEVERITIES.index(finding.severity), -finding.count))
    return Health(
        retriever_id=retriever_id,
        window=window,
        is_sound=all(finding.severity != "error" for finding in found),
        searches=counts.total("searches"),
        interactions=counts.total("interactions"),
        findings=found,
    )


def look_for(symptom: Symptom, counts: Counts) -> Finding | None:
    """Look for one symptom; None where it does not show."""
    rows = counts.rows(symptom)
    count = sum(row[symptom.column] for row in rows)
    n = sum(row[symptom.of] for row in rows)
    severity = symptom.judge(count, n)
    if severity is None:
        return None
    worst = max(rows, key=lambda row: (row[symptom.column], row["source"]))
    return Finding(
        severity=severity,
        code=symptom.code,
        message=symptom.message.format(count=f"{count:,}", n=f"{n:,}", share=f"{count / n:.1%}"),
        count=count,
        n=n,
        share=count / n,
        example=f"from {worst['source']}: {worst[symptom.column]:,} of {worst[symptom.of]:,}",
        advice=symptom.advice,
    )


def find_absences(counts: Counts) -> list[Finding]:
    """Find what is absent altogether: nothing at all, no lists, no interactions, no clicks."""
    n_searches, n_interactions = counts.total("searches"), counts.total("interactions")
    if n_searches == 0 and n_interactions == 0:
        return [
            _absent(
                "info",
                "nothing_recorded",
                0,
                "Nothing is recorded in this window.",
                "Send searches and interactions, or import a file; then look again.",
            )
        ]
    if n_searches == 0:
        return [
            _absent(
                "error",
                "interactions_only",
                n_interactions,
                f"{n_interactions:,} interactions, and no list that says what was shown.",
                "Post each list shown to /v1/searches (or rank through execute), and send its "
                "search_id with every interaction. Until then there are counts and no rates.",
            )
        ]
    if n_searches >= ENOUGH and n_interactions == 0:
        return [
            _absent(
                "error",
                "searches_only",
                n_searches,
                f"{n_searches:,} lists, and nothing that anyone did with them.",
                "Send interactions: POST /v1/retrievers/interactions.",
            )
        ]
    n_filled = n_searches - counts.total("without_results") - counts.total("empty")
    if n_filled >= ENOUGH and counts.total("clicked") == 0:
        return [
            _absent(
                "error",
                "no_credited_clicks",
                n_filled,
                f"Not one of {n_filled:,} lists with results was clicked.",
                "Send search_id, or at least the same session_id, with lists and clicks, and the "
                "same document ids with both.",
            )
        ]
    return []


def explain_positions(found: Sequence[Finding], counts: Counts) -> list[Finding]:
    """Say so where misplaced positions are those of a tracker that counts from 1."""
    n_misplaced, n_deeper = counts.total("misplaced"), counts.total("one_deeper")
    if n_misplaced == 0 or n_deeper < OFF_BY_ONE * n_misplaced:
        return list(found)
    n = counts.total("placed")
    return [
        finding
        if finding.code != "position_mismatch"
        else Finding(
            severity=finding.severity,
            code="positions_count_from_one",
            message=(
                f"{n_deeper:,} of {n:,} positions sent are one more than where the list showed "
                "the document."
            ),
            count=n_deeper,
            n=n,
            share=n_deeper / n,
            example="sent as 1: the first result, which is at position 0",
            advice="Send positions from 0. Rates are right: they use the list's own positions.",
        )
        for finding in found
    ]


def _absent(severity: Severity, code: str, count: int, message: str, advice: str) -> Finding:
    """Build a finding about what is not there; all rows show it."""
    share = 1.0 if count else None
    return Finding(severity, code, message, count, count, share, None, advice)
