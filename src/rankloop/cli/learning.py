"""`rankloop learn`: the whole loop once, from the log to a decision."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rankloop.cli.output import NO, OK, Output
from rankloop.cli.target import HERE, Target
from rankloop.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rankloop.client.client import Client
    from rankloop.tables.learning import LearnReport

LEARN_EXAMPLES: Final = """\
rankloop learn
rankloop learn --retriever products --days 90
rankloop learn --html learned.html
rankloop learn --json --url http://127.0.0.1:8400"""


def learn(
    target: Target = HERE,
    *,
    retriever: str | None = None,
    days: int | None = None,
    html: Path | None = None,
) -> int:
    """Learn from the log, and promote what is shown to be better.

    Estimates position bias, labels documents, mines pairs, trains the models
    that the data allow, chooses one of them and judges it on searches that it
    did not learn from. A model that is not shown to be better stays out.

    Exit status 0 if a model was promoted, 1 if what serves was kept.

    Args:
        target: The data folder or the server.
        retriever: Whose rankings; the only retriever when left out.
        days: Only the last days; everything on record when left out.
        html: Write the report to this file, one self-contained page.
    """
    output = target.open_output()
    check_page(html)
    parameters: dict[str, Any] = {}
    if retriever is not None:
        parameters["retriever_id"] = retriever
    if days is not None:
        parameters["days"] = days
    with target.connect() as loop:
        report = run_learn(loop, output, parameters)
    output.document(report)
    if html is not None:
        write_page(html, report)
        output.note(f"{html} is written.")
    if not output.is_json:
        show(output, report)
    return OK if report.promoted else NO


def run_learn(loop: "Client", output: Output, parameters: "Mapping[str, Any]") -> "LearnReport":
    """Run the loop once, showing how far it is, and read what came of it.

    Raises:
        RankloopError: The job failed; the error is the job's own.
    """
    import msgspec

    from rankloop.tables.learning import LearnReport

    with output.progress("learn", 1.0) as tick:
        job = loop.jobs.start("learn", **parameters)
        done = loop.jobs.wait(job.job_id, lambda now: tick(now.progress.share))
    done.check_done()
    return msgspec.convert(done.result, LearnReport)


def show(output: Output, report: "LearnReport") -> None:
    """Show what was learned to people."""
    from rankloop.cli.learning_sections import build_learning_content
    from rankloop.cli.reporting_text import print_content

    print_content(output.people, build_learning_content(report))


def check_page(path: Path | None) -> None:
    """Refuse a page that could not be written, before anything is done.

    Raises:
        InputError: There is no such folder, or the path is one.
    """
    if path is None:
        return
    if not path.absolute().parent.is_dir():
        raise InputError(f"there is no folder {path.parent}", where="--html")
    if path.is_dir():
        raise InputError(f"{path} is a folder", where="--html", hint="Name a file in it.")


def write_page(path: Path, report: "LearnReport") -> None:
    """Write what was learned as one self-contained page."""
    from rankloop.cli.learning_sections import build_learning_content
    from rankloop.cli.reporting_page import render_page

    path.write_text(render_page(build_learning_content(report)), encoding="utf-8")
