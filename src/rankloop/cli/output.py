"""What a command says: one document for programs, tables for people, one line when it fails."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from rankloop.errors import (
    FolderInUseError,
    InputError,
    NewerFolderError,
    RankloopError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

    from rankloop.api.problems import Problem

OK: Final = 0
NO: Final = 1
"""The answer is no: a check found a fault, the named thing does not exist."""
USAGE: Final = 2
"""The command line, a file or a setting is wrong."""
UNAVAILABLE: Final = 3
"""A folder, a server or a part of the program cannot be used now."""


class Ticker(Protocol):
    """Takes progress."""

    def __call__(self, done: float, total: float | None = None, label: str | None = None) -> None:
        """Report how much is done, of how much if that is known, and of what if that changes."""
        ...


class Output:
    """Where a command writes.

    With `--json` one document goes to standard output and everything else to standard error;
    without it people read standard output.

    Attributes:
        is_json: Whether a program reads.
    """

    def __init__(self, *, is_json: bool = False) -> None:
        self.is_json = is_json

    @cached_property
    def people(self) -> Console:
        """The console that people read."""
        from rich.console import Console

        return Console(stderr=self.is_json, highlight=False)

    @cached_property
    def notes(self) -> Console:
        """Standard error: notes, warnings, progress."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    def say(self, what: RenderableType = "") -> None:
        """Show something to people; lines of text stay whole in a pipe."""
        is_text = isinstance(what, str) or hasattr(what, "plain")
        whole = is_text and not self.people.is_terminal
        # Brackets are brackets: names and settings have some.
        self.people.print(what, soft_wrap=whole, markup=False)

    def note(self, text: str) -> None:
        """Show a remark that is no part of the answer."""
        self.notes.print(text, style="dim", markup=False)

    def document(self, value: object) -> None:
        """Write the one document, where a program asked for it."""
        if self.is_json:
            import msgspec

            text = msgspec.json.format(msgspec.json.encode(value), indent=2)
            sys.stdout.buffer.write(text + b"\n")
            sys.stdout.flush()

    @contextmanager
    def progress(self, label: str, total: float | None = None) -> Iterator[Ticker]:
        """Show a bar on a terminal, nothing in a pipe.

        Args:
            label: What is going on.
            total: How much there is to do, in any unit; None while it is not known.
        """
        if not self.notes.is_terminal:
            yield _say_nothing
            return
        from rich.progress import Progress, TimeRemainingColumn

        columns = (*Progress.get_default_columns()[:3], TimeRemainingColumn())
        with Progress(*columns, console=self.notes, transient=True) as bar:
            task = bar.add_task(label, total=total)

            def tick(done: float, total: float | None = total, label: str | None = None) -> None:
                bar.update(task, completed=done, total=total, description=label)

            yield tick


def to_epilogue(examples: str) -> str:
    """Put examples, one a line, under a heading at the end of a help text.

    Example:
        >>> to_epilogue("rankloop serve").splitlines()
        ['Examples:', '  rankloop serve']
    """
    return "Examples:\n  " + examples.replace("\n", "\n  ")


def _say_nothing(done: float, total: float | None = None, label: str | None = None) -> None:
    """Take progress and drop it."""


def to_status(error: Exception) -> int:
    """Tell the exit status of an error.

    Example:
        >>> from rankloop.errors import NotFoundError
        >>> to_status(InputError("x")), to_status(NotFoundError("x")), to_status(KeyError("x"))
        (2, 1, 3)
    """
    match error:
        case InputError():
            return USAGE
        case UnavailableError() | FolderInUseError() | NewerFolderError():
            return UNAVAILABLE
        case RankloopError():
            return NO if error.code != RankloopError.code else UNAVAILABLE
        case _:
            return UNAVAILABLE


def report_failure(error: Exception, command: str, *, is_json: bool) -> int:
    """Say in one line what went wrong and in another what to do; never a traceback.

    Args:
        error: What was raised.
        command: The command as typed, without its options.
        is_json: Whether standard output gets a problem document.

    Returns:
        The exit status.
    """
    if not isinstance(error, RankloopError):
        error = RankloopError(
            f"{RankloopError.title} ({type(error).__name__}: {_first_line(error)})",
            hint="Please report it together with the command and the version.",
        )
    output = Output(is_json=is_json)
    output.notes.print(f"rankloop: {error}", style="bold red", markup=False, soft_wrap=True)
    if error.hint:
        output.notes.print(f"  {error.hint}", markup=False, soft_wrap=True)
    if is_json:
        output.document(_to_problem(error, command))
    return to_status(error)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else ""


def _to_problem(error: RankloopError, command: str) -> Problem:
    """Describe an error as the server would (RFC 9457)."""
    from rankloop.api.problems import build_problem
    from rankloop.telemetry import make_request_id

    return build_problem(error, path=f"rankloop {command}".strip(), request_id=make_request_id())
