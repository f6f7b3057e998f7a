"""Jobs: work in the background of the server, or of this process where it holds the folder."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from rankloop.client.calls import Call, Operation, encode, quote_step, read_json
from rankloop.errors import UnavailableError
from rankloop.events.identity import make_uuid7s
from rankloop.tables.jobs import Job, JobSchedules, JobState
from rankloop.tables.pages import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rankloop.client.calling import AsyncCaller, Caller

PATH: Final = "/v1/jobs"

FIRST_PAUSE_S: Final = 0.05
MAX_PAUSE_S: Final = 1.0
"""Longest pause between two looks at a job, in seconds."""


class JobFilters(TypedDict, total=False):
    """Which jobs; all when left out."""

    kind: str
    state: JobState
    retriever_id: str
    page: int
    """From 1."""
    page_size: int
    """Up to 1,000."""


def _start(kind: str, parameters: Mapping[str, Any]) -> Operation[Job]:
    """Build the request for a job; named here, one that is sent twice is done once."""
    named = {"job_id": make_uuid7s(1)[0], **parameters, "kind": kind}
    given = {name: value for name, value in named.items() if value is not None}
    return Operation(Call("POST", PATH, body=encode(given)), read_json(Job))


def _get(job_id: str) -> Operation[Job]:
    return Operation(Call("GET", f"{PATH}/{quote_step(job_id)}"), read_json(Job))


def _list(filters: Mapping[str, Any]) -> Operation[Page[Job]]:
    return Operation(Call("GET", PATH, filters), read_json(Page[Job]))


def _cancel(job_id: str) -> Operation[Job]:
    return Operation(Call("POST", f"{PATH}/{quote_step(job_id)}/cancel"), read_json(Job))


def _schedules() -> Operation[JobSchedules]:
    return Operation(Call("GET", "/v1/schedules"), read_json(JobSchedules))


def _iter_pauses(job_id: str, timeout_s: float | None) -> Iterator[float]:
    """Yield how long to wait between two looks.

    Raises:
        UnavailableError: The time is over.
    """
    give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
    pause_s = FIRST_PAUSE_S
    while give_up_at is None or time.monotonic() < give_up_at:
        yield pause_s
        pause_s = min(pause_s * 1.5, MAX_PAUSE_S)
    raise UnavailableError(
        f"the job {job_id!r} has not ended after {timeout_s:g} s",
        hint="It goes on; wait for it again, or cancel it.",
    )


class Jobs:
    """Work in the background: `loop.jobs`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def start(self, kind: str, **parameters: Any) -> Job:  # noqa: ANN401 as the kind takes them
        """Start a job and return at once.

        Args:
            kind: What to do: `estimate`, or another that the server names.
            **parameters: What it is told, such as `retriever_id` and `days`.

        Raises:
            InputError: There is no such kind, or a parameter is wrong; `where` points at it.
            QueueFullError: Too many jobs wait.
        """
        return self._caller.run(_start(kind, parameters))

    def get(self, job_id: str) -> Job:
        """Return a job: how far it is, the latest lines of its log, and how it ended.

        Raises:
            NotFoundError: There is no such job.
        """
        return self._caller.run(_get(job_id))

    def list(self, **filters: Unpack[JobFilters]) -> Page[Job]:
        """Return a page of jobs, newest first, without their logs."""
        return self._caller.run(_list(filters))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job: at once where it waits, as soon as it can stop where it runs.

        One that has ended stays as it is.

        Raises:
            NotFoundError: There is no such job.
        """
        return self._caller.run(_cancel(job_id))

    def wait(
        self,
        job_id: str,
        on_progress: Callable[[Job], object] | None = None,
        timeout_s: float | None = None,
    ) -> Job:
        """Wait until a job has ended, however it ended.

        Args:
            job_id: Which.
            on_progress: Called with the job at every look.
            timeout_s: How long at most, in seconds; as long as it takes when left out.

        Returns:
            The job; its `check_done()` raises what it failed with.

        Raises:
            UnavailableError: It takes longer.
        """
        for pause_s in _iter_pauses(job_id, timeout_s):
            job = self.get(job_id)
            if on_progress is not None:
                on_progress(job)
            if job.has_ended:
                break
            time.sleep(pause_s)
        return job

    def schedules(self) -> JobSchedules:
        """Return the schedules of the settings, and when each is due next."""
        return self._caller.run(_schedules())


class AsyncJobs:
    """The same for asynchronous code; see `Jobs`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def start(self, kind: str, **parameters: Any) -> Job:  # noqa: ANN401 as the kind takes them
        """Start a job and return at once."""
        return await self._caller.run(_start(kind, parameters))

    async def get(self, job_id: str) -> Job:
        """Return a job."""
        return await self._caller.run(_get(job_id))

    async def list(self, **filters: Unpack[JobFilters]) -> Page[Job]:
        """Return a page of jobs, newest first, without their logs."""
        return await self._caller.run(_list(filters))

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job."""
        return await self._caller.run(_cancel(job_id))

    async def wait(
        self,
        job_id: str,
        on_progress: Callable[[Job], object] | None = None,
        timeout_s: float | None = None,
    ) -> Job:
        """Wait until a job has ended, however it ended."""
        for pause_s in _iter_pauses(job_id, timeout_s):
            job = await self.get(job_id)
            if on_progress is not None:
                on_progress(job)
            if job.has_ended:
                break
            await asyncio.sleep(pause_s)
        return job

    async def schedules(self) -> JobSchedules:
        """Return the schedules of the settings, and when each is due next."""
        return await self._caller.run(_schedules())
