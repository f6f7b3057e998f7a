"""What a job is given while it runs: where it reports, and which of its steps are done already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")

MAX_MESSAGE: Final = 200
"""Most characters of what a job says about its progress."""

Report = Callable[[float, str], None]
"""Takes how much is done, in [0, 1], and what is going on."""


class JobStoppedError(Exception):
    """A job is told to stop; let it through, whoever runs the job knows what to do.

    It is none of `RankloopError`, so that a job which goes on after a failure of one part does
    not take this for one.
    """


class JobCancelledError(JobStoppedError):
    """Somebody cancelled the job."""


class JobInterruptedError(JobStoppedError):
    """The process is about to end; the job goes on where it is when there is one again."""


class JobRecorder(Protocol):
    """Where the progress of one job is kept."""

    def report(self, share: float, message: str) -> None:
        """Take progress; the latest counts."""
        ...

    def log(self, text: str) -> None:
        """Add a line."""
        ...

    def find_step(self, name: str) -> bytes | None:
        """Return the JSON value of a finished step; None where it is not finished."""
        ...

    def keep_step(self, name: str, value: bytes) -> None:
        """Keep the JSON value of a finished step, durably."""
        ...


class JobContext:
    """One run of one job.

    A job is a function of this and of its parameters. It may be run again from the start after
    the process was killed, so what it did and need not do again stands in steps.

    Attributes:
        job_id: The job's name.
        folder: Scratch that survives a crash; it goes when the job ends.

    Args:
        job_id: The job's name.
        folder: Where its files are; it exists.
        recorder: Where its progress is kept.
        check: Raises once the job shall stop.

    Example:
        >>> import pathlib, tempfile
        >>> context = direct_context(pathlib.Path(tempfile.mkdtemp()))
        >>> context.step("count", lambda: {"searches": 3})
        {'searches': 3}
        >>> context.report(0.5, "labeled")
    """

    def __init__(
        self,
        job_id: str,
        folder: Path,
        recorder: JobRecorder,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.job_id = job_id
        self.folder = folder
        self._recorder = recorder
        self._check = check
        self._taken: set[str] = set()

    def report(self, share: float, message: str) -> None:
        """Say how far the job is; stops it where it shall stop.

        Args:
            share: How much is done, in [0, 1]; what is outside counts as the nearest end.
            message: What is going on, for people; nothing that anybody typed.

        Raises:
            JobStoppedError: The job shall stop.
        """
        self.check()
        self._recorder.report(min(max(share, 0.0), 1.0), message[:MAX_MESSAGE])

    def log(self, text: str) -> None:
        """Add a line to the job's log: what was decided and why, nothing that anybody typed."""
        self._recorder.log(text)

    def check(self) -> None:
        """Stop here where the job shall stop; call it wherever stopping is safe.

        Raises:
            JobCancelledError: Somebody cancelled the job.
            JobInterruptedError: The process is about to end.
        """
        self._check()

    def step(self, name: str, work: Callable[[], T], kind: Any = Any) -> T:  # noqa: ANN401 a type
        """Do something once, whatever happens in between.

        Args:
            name: The step's name, unlike that of any other of this job.
            work: What to do. It is begun again where the process ended in the middle of it.
            kind: What the value is read back as, where plain JSON will not do.

        Returns:
            The value, after a way through JSON the first time as any later time.

        Raises:
            ValueError: The job has a step of this name already.
            JobStoppedError: The job shall stop.
        """
        if name in self._taken:
            raise ValueError(f"two steps of one job are called {name!r}")
        self._taken.add(name)
        self.check()
        value = self._recorder.find_step(name)
        if value is None:
            value = msgspec.json.encode(work())
            self._recorder.keep_step(name, value)
        return cast("T", msgspec.json.decode(value, type=kind))

    def part(self, name: str, start: float, end: float) -> JobContext:
        """Return what a part of this job is given, as if it were a job of its own.

        Its steps and files are kept apart from those of other parts.

        Args:
            name: The part's name, fit for a folder.
            start: The share of the whole that is done when it begins, in [0, 1].
            end: The share that is done when it ends.
        """
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        recorder = _PartRecorder(self._recorder, name, start, end)
        return JobContext(self.job_id, folder, recorder, self._check)


@dataclass(frozen=True, slots=True)
class _PartRecorder:
    """Keeps the progress of a part within that of the whole."""

    whole: JobRecorder
    name: str
    start: float
    end: float

    def report(self, share: float, message: str) -> None:
        """Take progress of the part."""
        self.whole.report(self.start + share * (self.end - self.start), message)

    def log(self, text: str) -> None:
        """Add a line."""
        self.whole.log(text)

    def find_step(self, name: str) -> bytes | None:
        """Return the value of a finished step."""
        return self.whole.find_step(f"{self.name}/{name}")

    def keep_step(self, name: str, value: bytes) -> None:
        """Keep the value of a finished step."""
        self.whole.keep_step(f"{self.name}/{name}", value)


@dataclass(slots=True)
class MemoryRecorder:
    """Progress that is kept in memory, for a job run by hand."""

    on_report: Report | None = None
    """Told about progress, too."""

    reports: list[tuple[float, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    steps: dict[str, bytes] = field(default_factory=dict)

    def report(self, share: float, message: str) -> None:
        """Take progress."""
        self.reports.append((share, message))
        if self.on_report is not None:
            self.on_report(share, message)

    def log(self, text: str) -> None:
        """Add a line."""
        self.lines.append(text)

    def find_step(self, name: str) -> bytes | None:
        """Return the value of a finished step."""
        return self.steps.get(name)

    def keep_step(self, name: str, value: bytes) -> None:
        """Keep the value of a finished step."""
        self.steps[name] = value


def direct_context(folder: Path, report: Report | None = None) -> JobContext:
    """Make what a job is given outside of any queue: nothing outlives the process.

    Args:
        folder: Scratch; made where it is absent.
        report: Told about progress.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return JobContext("direct", folder, MemoryRecorder(report))
