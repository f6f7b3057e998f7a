"""`rankloop jobs`: work in the background, started, watched and cancelled."""

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from cyclopts import App

from rankloop.cli.output import NO, OK, Output, to_epilogue, to_status
from rankloop.cli.target import HERE, Target
from rankloop.errors import InputError, RankloopError
from rankloop.tables.jobs import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.table import Table

    from rankloop.client.client import Client
    from rankloop.tables.jobs import Job

RUN_EXAMPLES: Final = """\
rankloop jobs run estimate --retriever products --days 90
rankloop jobs run estimate --url http://127.0.0.1:8400 --detach"""

LIST_EXAMPLES: Final = """\
rankloop jobs list
rankloop jobs list --state failed --json"""

SHOW_EXAMPLES: Final = "rankloop jobs show 01936d2c-7f00-7a11-b0c4-5f1a2b3c4d5e"
CANCEL_EXAMPLES: Final = "rankloop jobs cancel 01936d2c-7f00-7a11-b0c4-5f1a2b3c4d5e"
SCHEDULES_EXAMPLES: Final = "rankloop jobs schedules"

N_ID_CELLS: Final = 36
"""Width of a job's name, where it was made here."""

STYLES: Final[dict[JobState, str]] = {
    "queued": "dim",
    "running": "cyan",
    "done": "green",
    "failed": "bold red",
    "cancelled": "yellow",
}

jobs = App(
    name="jobs",
    help="Start, watch and cancel what is done in the background.",
    help_epilogue=to_epilogue(f"{RUN_EXAMPLES}\n{LIST_EXAMPLES}"),
)


@jobs.command(help_epilogue=to_epilogue(RUN_EXAMPLES))
def run(
    kind: str,
    target: Target = HERE,
    *,
    retriever: str | None = None,
    days: float | None = None,
    parameters: str | None = None,
    detach: bool = False,
) -> int:
    """Start a job and wait for its end; exit status 1 where it fails.

    Interrupted, a job of a server goes on; one of a folder goes on when the
    folder is opened again.

    Args:
        kind: What to do, such as estimate.
        target: The data folder or the server.
        retriever: For which retriever.
        days: On the last days only.
        parameters: More of what it is told, as a JSON object.
        detach: Return at once; needs --url.
    """
    output = target.open_output()
    if detach and target.url is None:
        raise InputError(
            "--detach needs --url: the job of a folder ends with the command",
            hint="Leave --detach out, or start `rankloop serve`.",
        )
    told = _read_parameters(parameters)
    told |= {"retriever_id": retriever} if retriever is not None else {}
    told |= {"days": days} if days is not None else {}
    with target.connect() as loop:
        job = loop.jobs.start(kind, **told)
        if not detach:
            job = watch(loop, job, output)
    output.document(job)
    show_job(output, job)
    return to_exit_status(job, is_started_only=detach)


@jobs.command(name="list", help_epilogue=to_epilogue(LIST_EXAMPLES))
def list_jobs(
    target: Target = HERE,
    *,
    kind: str | None = None,
    state: Literal["queued", "running", "done", "failed", "cancelled"] | None = None,
    retriever: str | None = None,
    page: int = 1,
) -> int:
    """List jobs, newest first.

    Args:
        target: The data folder or the server.
        kind: Only of this kind.
        state: Only in this state.
        retriever: Only of this retriever.
        page: Which page, from 1; each has 50.
    """
    output = target.open_output()
    wanted: dict[str, Any] = {"kind": kind, "state": state, "retriever_id": retriever}
    with target.connect() as loop:
        found = loop.jobs.list(page=page, **{k: v for k, v in wanted.items() if v is not None})
    output.document(found)
    output.say(_to_table(found.results) if found.results else "There is no such job.")
    return OK


@jobs.command(help_epilogue=to_epilogue(SHOW_EXAMPLES))
def show(job_id: str, target: Target = HERE) -> int:
    """Show a job: how far it is, its log, and how it ended.

    Args:
        job_id: Its name, as `rankloop jobs list` shows it.
        target: The data folder or the server.
    """
    output = target.open_output()
    with target.connect() as loop:
        job = loop.jobs.get(job_id)
    output.document(job)
    show_job(output, job)
    return OK


@jobs.command(help_epilogue=to_epilogue(CANCEL_EXAMPLES))
def cancel(job_id: str, target: Target = HERE) -> int:
    """Cancel a job; exit status 1 where it has ended otherwise.

    Args:
        job_id: Its name, as `rankloop jobs list` shows it.
        target: The data folder or the server.
    """
    output = target.open_output()
    with target.connect() as loop:
        job = loop.jobs.cancel(job_id)
    output.document(job)
    if job.is_cancelling:
        output.say(f"{job_id} stops as soon as it can.")
        return OK
    output.say(f"{job_id} is {job.state}.")
    return OK if job.state == "cancelled" else NO


@jobs.command(help_epilogue=to_epilogue(SCHEDULES_EXAMPLES))
def schedules(target: Target = HERE) -> int:
    """List the schedules of the settings, and when each is due next.

    Args:
        target: The data folder or the server.
    """
    from rich.table import Table
    from rich.text import Text

    output = target.open_output()
    with target.connect() as loop:
        known = loop.jobs.schedules()
    output.document(known)
    table = Table("name", "kind", "retriever", "every", "due", "last job", box=None, pad_edge=False)
    for one in known.results:
        due = f"{one.next_at:%Y-%m-%d %H:%M} UTC"
        parts = (one.name, one.kind, one.retriever_id or "", one.every, due, one.last_job_id or "")
        table.add_row(*(Text(part) for part in parts))
    output.say(
        table if known.results else "There is no schedule; settings [schedules.NAME] make one."
    )
    return OK


def watch(loop: "Client", job: "Job", output: Output) -> "Job":
    """Wait for a job with a bar on a terminal, and return it as it ended.

    Args:
        loop: Where it runs.
        job: The job, as it was started.
        output: Where the bar is shown.
    """
    try:
        with output.progress(job.kind, 1.0) as tick:
            return loop.jobs.wait(job.job_id, _to_watcher(tick))
    except KeyboardInterrupt:
        output.note(f"the job {job.job_id} is not cancelled: rankloop jobs cancel {job.job_id}")
        raise


def _to_watcher(tick: "Callable[..., object]") -> "Callable[[Job], object]":
    """Return what shows a job's progress on a bar."""

    def show_progress(job: "Job") -> None:
        what = job.progress.message or job.state
        tick(job.progress.share, label=f"{job.kind}: {what}")

    return show_progress


def show_job(output: Output, job: "Job") -> None:
    """Show one job to people."""
    from rich.text import Text

    output.say(Text.assemble((job.state, STYLES[job.state]), f"  {job.kind}  {job.job_id}"))
    if not job.has_ended and job.progress.message:
        output.say(Text(f"{job.progress.share:.0%}  {job.progress.message}"))
    for line in job.log:
        output.say(Text(f"{line.at:%H:%M:%S}  {line.text}", style="dim"))
    if job.problem is not None:
        output.say(Text(job.problem.detail, style="bold red"))
        if job.problem.hint:
            output.say(Text(job.problem.hint))
    if job.result and not output.is_json:
        output.people.print_json(data=job.result)


def to_exit_status(job: "Job", *, is_started_only: bool = False) -> int:
    """Tell the exit status of a command that was to do a job."""
    if is_started_only:
        return OK
    try:
        job.check_done()
    except RankloopError as error:
        return to_status(error)
    return OK


def _to_table(found: "Sequence[Job]") -> "Table":
    """Lay out jobs."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("job", overflow="fold", min_width=N_ID_CELLS)
    for head in ("kind", "retriever", "state", "done", "started"):
        table.add_column(head)
    for job in found:
        started = "" if job.started_at is None else f"{job.started_at:%Y-%m-%d %H:%M}"
        table.add_row(
            Text(job.job_id),
            Text(job.kind),
            Text(job.retriever_id or ""),
            Text(job.state, style=STYLES[job.state]),
            f"{job.progress.share:.0%}",
            started,
        )
    return table


def _read_parameters(text: str | None) -> dict[str, Any]:
    """Read what a job is told.

    Raises:
        InputError: It is not a JSON object.
    """
    try:
        told = json.loads(text or "{}")
    except ValueError as error:
        raise InputError(
            "--parameters is not JSON", where="--parameters", hint=str(error)
        ) from error
    if not isinstance(told, dict):
        raise InputError("--parameters is not a JSON object", where="--parameters")
    return told
