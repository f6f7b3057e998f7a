"""`rankloop report` and `rankloop doctor`: what people do, and whether the log can be trusted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rankloop.cli.output import NO, OK, Output
from rankloop.cli.target import HERE, Target
from rankloop.errors import InputError

if TYPE_CHECKING:
    from rankloop.client.analytics import SignalFilters
    from rankloop.client.client import Client
    from rankloop.tables.health import Health

REPORT_EXAMPLES: Final = """\
rankloop report
rankloop report --retriever products --days 7
rankloop report --html report.html
rankloop report --json --url http://127.0.0.1:8400"""

DOCTOR_EXAMPLES: Final = """\
rankloop doctor
rankloop doctor --retriever products --days 7 && echo sound"""

EVERY: Final = "-"
"""In place of a retriever's id: all of them together."""

MOST_DAYS: Final = 60
"""How many days, the newest ones, stand in a report."""

STYLES: Final = {"error": "bold red", "warning": "yellow", "info": "dim"}


def report(
    target: Target = HERE,
    *,
    retriever: str | None = None,
    days: int | None = None,
    html: Path | None = None,
) -> int:
    """Show what people do with search results.

    Rates with their intervals, click-through by position, documents that are
    ranked high and skipped, queries that need work, queries that find
    nothing; and what the log cannot tell.

    Args:
        target: The data folder or the server.
        retriever: Which retriever; all of them together when left out.
        days: Only the last days; everything on record when left out.
        html: Write one self-contained page to this file instead.
    """
    from rankloop.cli.reporting_sections import build_content

    output = target.open_output()
    if html is not None and not html.absolute().parent.is_dir():
        raise InputError(f"there is no folder {html.parent}", where="--html")
    with target.connect() as loop, output.progress("report"):
        signals = fetch_report(loop, retriever=retriever, days=days)
    output.document(signals)
    if html is not None:
        from rankloop.cli.reporting_page import render_page

        html.write_text(render_page(build_content(signals)), encoding="utf-8")
        output.say(f"{html} is written.")
    elif not output.is_json:
        from rankloop.cli.reporting_text import print_content

        print_content(output.people, build_content(signals))
    return OK


def doctor(target: Target = HERE, *, retriever: str | None = None, days: int | None = None) -> int:
    """Say whether the instrumentation is sound, worst findings first.

    Exit status 1 if a finding makes answers wrong.

    Args:
        target: The data folder or the server.
        retriever: Which retriever; all of them together when left out.
        days: Only the last days; everything on record when left out.
    """
    output = target.open_output()
    with target.connect() as loop, output.progress("examine"):
        health = loop.analytics.get_health(retriever or EVERY, **_to_window(days))
    output.document(health)
    if not output.is_json:
        _show_findings(output, health)
    return OK if health.is_sound else NO


def fetch_report(loop: "Client", *, retriever: str | None, days: int | None) -> dict[str, Any]:
    """Ask for all signals, the overview's fields lifted to the top, and the days beside them."""
    import msgspec

    which, window = retriever or EVERY, _to_window(days)
    signals = loop.analytics.get_retriever_signals(which, **window)
    performance = loop.analytics.get_performance(which, page_size=MOST_DAYS, **window)
    return {**signals.to_report(), "days": msgspec.to_builtins(performance.days.results)}


def _to_window(days: int | None) -> "SignalFilters":
    return {} if days is None else {"days": days}


def _show_findings(output: Output, health: "Health") -> None:
    """Show findings, one paragraph each."""
    from rich.text import Text

    verdict = "The instrumentation is sound." if health.is_sound else "Something is wrong."
    output.say(Text(verdict, style="bold"))
    output.say(
        Text(
            f"{health.searches:,} searches and {health.interactions:,} interactions examined",
            style="dim",
        )
    )
    for finding in health.findings:
        severity = finding.severity
        output.say()
        output.say(Text.assemble((severity, STYLES.get(severity, "")), f"  {finding.message}"))
        if finding.example:
            output.say(Text(f"  for example {finding.example}", style="dim"))
        output.say(Text(f"  {finding.advice}", style="dim"))
