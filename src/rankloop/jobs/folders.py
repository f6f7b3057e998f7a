"""The folders of jobs: rows that were sent along, and scratch; gone once a job has ended."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.errors import ERRORS, RankloopError
from rankloop.jobs.child import to_failure

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

PARAMETERS_FILE: Final = "parameters.json"
SCRATCH_FOLDER: Final = "scratch"


class JobFolders:
    """The folders of jobs under one roof.

    Args:
        path: Where they stand; made when the first is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep_parameters(self, job_id: str, parameters: Mapping[str, Any]) -> None:
        """Keep what is too large for the catalog, durably.

        Raises:
            RankloopError: There is no room for it.
        """
        path = self._path / job_id / PARAMETERS_FILE
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(msgspec.json.encode(parameters))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.remove(job_id)
            raise to_error(error) from error

    def read_parameters(self, job_id: str) -> dict[str, Any]:
        """Return what was kept; empty where nothing was."""
        path = self._path / job_id / PARAMETERS_FILE
        if not path.exists():
            return {}
        kept: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        return kept

    def make_scratch(self, job_id: str) -> Path:
        """Return the scratch of a job, as an earlier attempt left it."""
        scratch = self._path / job_id / SCRATCH_FOLDER
        scratch.mkdir(parents=True, exist_ok=True)
        return scratch

    def remove(self, job_id: str) -> None:
        """Remove a job's folder; nothing where it has none."""
        shutil.rmtree(self._path / job_id, ignore_errors=True)

    def keep_only(self, job_ids: Collection[str]) -> None:
        """Remove the folders of all other jobs."""
        if self._path.exists():
            for folder in self._path.iterdir():
                if folder.name not in job_ids:
                    shutil.rmtree(folder, ignore_errors=True)


def to_error(error: Exception) -> RankloopError:
    """Return what an exception means, as one of ours that quotes nothing.

    Example:
        >>> to_error(MemoryError()).code
        'out_of_memory'
    """
    if isinstance(error, RankloopError):
        return error
    failure = to_failure(error)
    return ERRORS[failure.code](failure.message, where=failure.where, hint=failure.hint)
