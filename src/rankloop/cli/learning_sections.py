"""From what a run of learning did to what a report says, section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rankloop.cli.figures import to_percent, to_rank, to_seconds
from rankloop.cli.reporting_content import Bar, Bars, Column, Content, Listing, Tile
from rankloop.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rankloop.tables.learning import LearnCandidate, LearnReport, PartMeasures
    from rankloop.tables.pairs import Need

DECISIONS: Final = {
    "promoted": "serves from now on",
    "shadow": "waits in shadow",
    "rejected": "stays out",
    "not_chosen": "another did better",
    "not_trained": "not trained",
    "failed": "training broke",
}
"""What each decision means for people."""

COUNTED: Final = ("searches", "clicks", "queries", "labels", "pairs")
"""What stands at the head of the report, where it was counted."""

PARTS: Final = {
    "all": "all",
    "seen": "learned from",
    "unseen": "never seen",
    "head": "frequent",
    "torso": "middling",
    "tail": "rare",
}
"""Parts of the queries, in the order of the report."""


def build_learning_content(report: LearnReport) -> Content:
    """Say everything that a run of learning has to say."""
    figures = {name: value for step in report.steps for name, value in step.figures.items()}
    return Content(
        title=f"What was learned: {report.retriever_id}",
        subtitle=conclude(report),
        tiles=_build_tiles(report, figures),
        bars=[_build_curve(figures)],
        listings=[_build_candidates(report), _build_measures(report), _build_steps(report)],
        limits=_list_limits(report),
        footer=f"rankloop {__version__}",
    )


def conclude(report: LearnReport) -> str:
    """Say in one sentence what came of it.

    Example:
        >>> from rankloop.tables.learning import LearnReport
        >>> from rankloop.tables.windows import InsightsWindow
        >>> conclude(LearnReport(retriever_id="shop", window=InsightsWindow(), steps=[]))
        'Nothing was shown to be better, so what serves today goes on serving.'
    """
    for one in report.candidates:
        if one.model_id is not None and one.model_id == report.promoted:
            return f"The {one.kind} {one.model_id} serves from now on: {one.why}."
    return "Nothing was shown to be better, so what serves today goes on serving."


def to_gain(measures: PartMeasures) -> str:
    """Write a gain with its interval.

    Example:
        >>> from rankloop.tables.learning import PartMeasures
        >>> to_gain(
        ...     PartMeasures(measure="nDCG@10", value=0.8, baseline=0.7, low=0.05, high=0.15, n=9)
        ... )
        '+0.100 (+0.050 to +0.150)'
    """
    gain = f"{measures.value - measures.baseline:+.3f}"
    if measures.low is None or measures.high is None:
        return gain
    return f"{gain} ({measures.low:+.3f} to {measures.high:+.3f})"


def _build_tiles(report: LearnReport, figures: Mapping[str, Any]) -> list[Tile]:
    """Lift the headline numbers."""
    tiles = [Tile("outcome", "promoted" if report.promoted else "kept", report.promoted or "")]
    counted = [name for name in COUNTED if isinstance(figures.get(name), int)]
    tiles += [Tile(name, f"{figures[name]:,}") for name in counted]
    tiles.append(Tile("time", to_seconds(sum(step.took_s for step in report.steps))))
    return tiles


def _build_curve(figures: Mapping[str, Any]) -> Bars:
    """Draw how likely each position is looked at."""
    curve = figures.get("examination", [])
    return Bars(
        "How likely each rank is looked at",
        "Relative to rank 1, with what stood there taken out. Clicks are divided by it.",
        "rank",
        ("looked at",),
        [
            Bar(to_rank(position), share, details=(to_percent(share),))
            for position, share in enumerate(curve)
        ],
        empty="The log cannot tell.",
    )


def _build_measures(report: LearnReport) -> Listing:
    """List how good each candidate is beside what serves, by part of the queries."""
    columns = (
        Column("kind"),
        Column("queries"),
        Column("today", is_number=True),
        Column("candidate", is_number=True),
        Column("gain (95%)", is_number=True),
        Column("n", is_number=True),
    )
    rows = [
        (
            one.kind,
            name,
            f"{one.metrics[part].baseline:.3f}",
            f"{one.metrics[part].value:.3f}",
            to_gain(one.metrics[part]),
            f"{one.metrics[part].n:,}",
        )
        for one in report.candidates
        for part, name in PARTS.items()
        if part in one.metrics
    ]
    measures = sorted({each.measure for one in report.candidates for each in one.metrics.values()})
    note = f"{' and '.join(measures)} that it did not learn from. Estimates, so above 1 too."
    return Listing(
        "How good each is", note if measures else "", columns, rows, "Nothing was trained."
    )


def _build_candidates(report: LearnReport) -> Listing:
    """List what was tried."""
    columns = (Column("kind"), Column("model", is_minor=True), Column("decision"), Column("why"))
    rows = [
        (one.kind, one.model_id or "", DECISIONS[one.decision], one.why)
        for one in report.candidates
    ]
    return Listing("Candidates", "One for each kind of model.", columns, rows, "None was tried.")


def _build_steps(report: LearnReport) -> Listing:
    """List what was done."""
    columns = (Column("step"), Column("status"), Column("what came of it"), Column("time", True))
    rows = [
        (step.name, step.status, step.summary, to_seconds(step.took_s)) for step in report.steps
    ]
    return Listing("Steps", "From the log to the decision.", columns, rows)


def _list_limits(report: LearnReport) -> list[str]:
    """Say what kept steps from being done, what would help, and what there is too little of."""
    advice = [
        f"{step.summary[:1].upper()}{step.summary[1:].rstrip('.')}. {step.figures['hint']}"
        for step in report.steps
        if step.figures.get("hint")
    ]
    return advice + [_to_lack(one, need) for one in report.candidates for need in one.needs]


def _to_lack(one: LearnCandidate, need: Need) -> str:
    """Say what there is too little of."""
    more = ""
    if need.searches_needed:
        more = f" About {need.searches_needed:,} more searches would bring them."
    return f"For the {one.kind}: {need.have:,} {need.what}, {need.need:,} are needed.{more}"
