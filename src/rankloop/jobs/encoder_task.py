"""The child's part of fine-tuning an encoder: texts in, the model's files and its figures out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.training.encoders import EncoderTask, train_encoder

if TYPE_CHECKING:
    from pathlib import Path

    from rankloop.jobs.context import Report

TASK_FILE: Final = "encoder.json"
WORK_FOLDER: Final = "work"
MODEL_FOLDER: Final = "model"


def write_task(folder: Path, task: EncoderTask) -> None:
    """Write what the child reads."""
    (folder / TASK_FILE).write_bytes(msgspec.json.encode(task))


def run(folder: Path, report: Report) -> dict[str, Any]:
    """Fine-tune, and write the encoder into `model` in the folder.

    A child that is started again in the folder of a killed one goes on from its last checkpoint.

    Returns:
        `EncoderResult` as plain data.
    """
    task = msgspec.json.decode((folder / TASK_FILE).read_bytes(), type=EncoderTask)
    work = folder / WORK_FOLDER
    work.mkdir(exist_ok=True)
    result: dict[str, Any] = msgspec.to_builtins(
        train_encoder(task, work, folder / MODEL_FOLDER, report)
    )
    return result
