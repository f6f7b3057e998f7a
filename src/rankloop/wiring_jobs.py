"""What is done in the background, built of the settings: the queue of jobs and its schedules."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from rankloop.catalog.jobs import JobCatalog
from rankloop.errors import SettingsError
from rankloop.experiments.gate import GateConfig
from rankloop.jobs.folders import JobFolders
from rankloop.jobs.kinds import KINDS, JobParts
from rankloop.jobs.queue import JobQueue, QueueConfig
from rankloop.jobs.schedule import Scheduler, ScheduleSpec

if TYPE_CHECKING:
    from pathlib import Path

    from rankloop.settings import ScheduleSettings, Settings
    from rankloop.telemetry import Metrics

JOBS_FOLDER: Final = "jobs"

DELAY_S: Final = 2.0
"""How long after opening a folder what was left in it is taken up, in seconds: a command that opens
it for a moment begins nothing."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")


@dataclass(frozen=True, slots=True)
class JobRooms:
    """The parts that work in the background."""

    queue: JobQueue
    scheduler: Scheduler

    def start(self) -> None:
        """Take up what was left, and watch the clock."""
        self.queue.start()
        self.scheduler.start(DELAY_S)

    def close(self) -> None:
        """Stop; what was under way goes on when the folder is opened again."""
        self.scheduler.close()
        self.queue.close()


def build_jobs(
    folder: Path, catalog_path: Path, settings: Settings, parts: JobParts, metrics: Metrics
) -> JobRooms:
    """Build what works in the background.

    Args:
        folder: The data folder.
        catalog_path: The file of the catalog.
        settings: Bounds and schedules.
        parts: What jobs are done with.
        metrics: Where jobs are counted.

    Raises:
        SettingsError: A bound is out of range, or a schedule asks for what cannot be done.
    """
    specs = [read_schedule(name, one) for name, one in settings.schedules.items()]
    config = _to_config(settings)
    catalog = JobCatalog(catalog_path, lambda: time.time_ns() // 1_000)
    queue = JobQueue(catalog, JobFolders(folder / JOBS_FOLDER), KINDS, parts, config, metrics)
    return JobRooms(queue, Scheduler(specs, catalog.schedules, queue, parts.now))


def read_schedule(name: str, settings: ScheduleSettings) -> ScheduleSpec:
    """Read one schedule.

    Raises:
        SettingsError: Its name cannot be one, or it asks for what cannot be done.
    """
    where = f"schedules.{name}"
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} is no name of a schedule",
            where=where,
            hint="Use 1 to 48 letters, digits, dashes and underscores.",
        )
    kind = KINDS.get(settings.kind)
    if kind is None:
        raise SettingsError(
            f"there is no job of kind {settings.kind!r}",
            where=f"{where}.kind",
            hint=f"Known: {', '.join(KINDS)}.",
        )
    if not 0 <= settings.hour <= 23:
        raise SettingsError("hour is 0 to 23, UTC", where=f"{where}.hour")
    told = {"retriever_id": settings.retriever_id} if settings.retriever_id else {}
    try:
        parameters = msgspec.convert(told, kind.parameters)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"a schedule cannot say what {settings.kind!r} must be told: {error}", where=where
        ) from error
    return ScheduleSpec(name, settings.kind, parameters, settings.every, settings.hour)


def to_gate(settings: Settings) -> GateConfig:
    """Hand the gate its part of the settings.

    Raises:
        SettingsError: A value is out of range.
    """
    values = msgspec.structs.asdict(settings.gate)
    try:
        return GateConfig(**values)
    except SettingsError as error:
        raise SettingsError(str(error), where=f"gate.{error.where}") from error


def _to_config(settings: Settings) -> QueueConfig:
    """Hand the queue its part of the settings."""
    jobs = settings.jobs
    for name, least in (("workers", 1), ("max_queued", 1), ("max_attempts", 1), ("keep_days", 0)):
        if getattr(jobs, name) < least:
            raise SettingsError(f"{name} must be {least} or more", where=f"jobs.{name}")
    return QueueConfig(
        jobs.workers, jobs.max_queued, jobs.max_attempts, jobs.keep_days, delay_s=DELAY_S
    )
