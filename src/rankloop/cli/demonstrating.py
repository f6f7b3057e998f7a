"""`rankloop demo`: simulated shoppers through the real API, and the report beside the truth."""

import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rankloop.cli.output import OK, Output
from rankloop.cli.target import HERE, Target
from rankloop.errors import RankloopError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rankloop.cli.demo_folder import DemoServer
    from rankloop.cli.demo_truth import Comparison, Learned
    from rankloop.client.client import Client
    from rankloop.tables.learning import LearnReport
    from rankloop.testing.traffic import Traffic

EXAMPLES: Final = """\
rankloop demo --once         # the figures, and nothing left running
rankloop demo                # leaves a server at the address that it prints
rankloop demo --once --json > demo.json"""

DEMO_DATA: Final = Path("demo-data")
SLICE: Final = 5_000
"""Rows between two steps of the progress bar; also what one request carries."""


def demo(target: Target = HERE, *, once: bool = False, searches: int = 40_000) -> int:
    """Close the loop over simulated shoppers whose taste is known.

    A shop with a catalogue, shoppers of known taste and known position bias,
    a robot and a few broken queries go through the real HTTP API of a server
    process, which learns from them. The report then stands beside the truth,
    and the ranking before beside the one after. Beside the data lie
    truth.ndjson (query, document_id, relevance), before.ndjson and
    after.ndjson (query, document_id, position), from which nDCG@10 can be
    worked out again, and learned.html, what was learned.

    The folder is ./demo-data when --data is left out. An earlier demo's
    folder is made anew; any other is refused.

    Args:
        target: The folder; here ./demo-data when --data is left out.
        once: Stop the server at the end instead of leaving it running.
        searches: How many searches people make.
    """
    from rankloop.cli.demo_folder import make_folder, start_server, write_mark
    from rankloop.cli.demo_truth import compare, write_after, write_truth
    from rankloop.cli.learning import write_page
    from rankloop.testing.shop import Shop
    from rankloop.testing.shoppers import TrafficConfig
    from rankloop.testing.traffic import Traffic

    output = target.open_output()
    target.need_folder("demo")
    folder = target.data or DEMO_DATA
    make_folder(folder)
    shop = Shop()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    traffic = Traffic(shop, midnight, TrafficConfig(n_searches=searches))
    write_truth(folder, shop)
    # Whoever ends the demo from outside ends its server too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = start_server(folder, is_left_running=not once)
    try:
        write_mark(folder, {"pid": server.process.pid, "url": server.url})
        found = _go_round(server.url, traffic, output)
    except BaseException:
        server.stop()
        raise
    if once:
        server.stop()
    comparison = compare(shop, found.report, found.after)
    write_after(folder, shop, found.after.ranking)
    write_page(folder / "learned.html", found.learned)
    output.document(found.to_document(comparison, folder, None if once else server.url))
    if not output.is_json:
        _show(output, comparison, found)
        _say_goodbye(output, folder, None if once else server)
    return OK


@dataclass(frozen=True, slots=True)
class _Found:
    """What the demo's way round the loop brought."""

    report: "dict[str, Any]"
    learned: "LearnReport"
    after: "Learned"

    def to_document(
        self, comparison: "Comparison", folder: Path, url: str | None
    ) -> "dict[str, Any]":
        """Return what `demo --json` prints."""
        return {
            "truth": comparison.to_dict(),
            "promoted": self.learned.promoted,
            "learned": self.learned.to_dict(),
            "report": self.report,
            "data": str(folder),
            "url": url,
        }


def _go_round(url: str, traffic: "Traffic", output: Output) -> _Found:
    """Send all traffic through the API, learn from it, and rank every query anew."""
    from rankloop.cli.demo_learning import learn, prepare, rank_anew
    from rankloop.cli.reporting import fetch_report
    from rankloop.connection import connect

    with connect(url) as loop:
        prepare(loop, traffic.shop)
        _send(loop, traffic, output)
        with output.progress("report"):
            report = fetch_report(loop, retriever=None, days=None)
        return _Found(report, learn(loop, output), rank_anew(loop, traffic.shop, output))


def _send(loop: "Client", traffic: "Traffic", output: Output) -> None:
    """Send searches, then interactions, in batches.

    Raises:
        RankloopError: The API took something for invalid, which the simulation never sends.
    """
    lanes = (
        ("searches", loop.searches, traffic.iter_search_rows(), traffic.lists.at.size),
        ("interactions", loop.interactions, traffic.iter_interaction_rows(), traffic.acts.at.size),
    )
    for label, lane, rows, n_rows in lanes:
        with output.progress(f"send {n_rows:,} {label}", n_rows) as tick:
            done = 0
            for part in _iter_slices(rows):
                verdicts = lane.create_many(part)
                if verdicts.rejected:
                    raise RankloopError(f"simulated {label}: {verdicts.rejected[0].detail}")
                done += len(part)
                tick(done)


def _iter_slices(rows: "Iterable[dict[str, object]]") -> "Iterator[list[dict[str, object]]]":
    """Cut rows into slices."""
    source = iter(rows)
    while part := list(islice(source, SLICE)):
        yield part


def _show(output: Output, comparison: "Comparison", found: _Found) -> None:
    """Show the report, what was learned, then the truth beside both."""
    from rich.table import Table
    from rich.text import Text

    from rankloop.cli.learning import show
    from rankloop.cli.reporting_sections import build_content
    from rankloop.cli.reporting_text import print_content, print_heading

    console = output.people
    print_content(console, build_content(found.report))
    show(output, found.learned)
    print_heading(
        console,
        "Beside the truth: is a position looked at, or is it clicked?",
        "Both relative to rank 1. Better documents stand higher, so the click curve falls faster.",
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("rank", "truly looked at", "learned", "off by", "click-through says", "off by"):
        table.add_column(head, justify="right")
    for place, true in enumerate(comparison.examination):
        cells = [str(place + 1), f"{true:.2f}"]
        for said in (comparison.learned[place], comparison.naive[place]):
            cells += ["", ""] if said is None else [f"{said:.2f}", f"{(said - true) / true:+.0%}"]
        table.add_row(*cells)
    console.print(table)
    console.print()
    for sentence in comparison.conclude():
        console.print(Text(f"  • {sentence}"))
    console.print()


def _say_goodbye(output: Output, folder: Path, server: "DemoServer | None") -> None:
    """Say where everything is."""
    output.note(f"data in {folder}; truth.ndjson, before.ndjson and after.ndjson beside it")
    output.note(f"what was learned, as a page: {folder / 'learned.html'}")
    if server is not None:
        output.people.print(f"Rankloop answers at {server.url}", soft_wrap=True)
        output.note(f"it runs in the background; stop it with: kill {server.process.pid}")
