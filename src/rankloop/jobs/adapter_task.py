"""The child's part of training an adapter: vectors in, the adapter's files and its figures out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from rankloop.training.adapter_examples import AdapterExamples
from rankloop.training.adapters import train_adapter

if TYPE_CHECKING:
    from pathlib import Path

    from rankloop.jobs.context import Report
    from rankloop.training.adapter_choice import Trial

EXAMPLES_FILE: Final = "examples.npz"
ORDER_FILE: Final = "adapter_order.json"
MODEL_FOLDER: Final = "model"

_COLUMNS: Final = (
    "queries",
    "documents",
    "query",
    "positive",
    "weight",
    "negative_query",
    "negative",
)


class AdapterOrder(msgspec.Struct, frozen=True):
    """What the child is told beside the vectors."""

    base_model: str
    queries: list[str]
    seed: int


def write_order(folder: Path, examples: AdapterExamples, order: AdapterOrder) -> None:
    """Write what the child reads."""
    np.savez(folder / EXAMPLES_FILE, **{name: getattr(examples, name) for name in _COLUMNS})
    (folder / ORDER_FILE).write_bytes(msgspec.json.encode(order))


def run(folder: Path, report: Report) -> dict[str, Any]:
    """Train, and write the adapter into `model` in the folder.

    Returns:
        What was chosen, null where no step was better than none; the metrics; and the best that
        each way to step could do.
    """
    order = msgspec.json.decode((folder / ORDER_FILE).read_bytes(), type=AdapterOrder)
    with np.load(folder / EXAMPLES_FILE, allow_pickle=False) as arrays:
        examples = AdapterExamples(**{name: arrays[name] for name in _COLUMNS})
    trained = train_adapter(
        examples, order.queries, order.base_model, seed=order.seed, report=report
    )
    model = folder / MODEL_FOLDER
    model.mkdir(exist_ok=True)
    for path in model.iterdir():
        path.unlink()
    trained.adapter.save(model)
    best: dict[str, Trial] = {}
    for trial in trained.trials:
        if trial.method not in best or trial.gain > best[trial.method].gain:
            best[trial.method] = trial
    return {
        "chosen": msgspec.to_builtins(trained.chosen),
        "metrics": msgspec.to_builtins(trained.metrics),
        "tried": [msgspec.to_builtins(trial) for trial in best.values()],
        "n_tried": len(trained.trials),
    }
