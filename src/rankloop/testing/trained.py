"""Small trained models, made by hand and put on record."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from rankloop.models.adapter import QueryAdapter
from rankloop.models.manifest import Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.models.shelf import ModelShelf


def keep_adapter(
    shelf: ModelShelf, model_id: str, matrix: NDArray[np.float32] | None = None, **changes: object
) -> Manifest:
    """Put an adapter on record, as training does.

    Args:
        shelf: Where it goes.
        model_id: Its name.
        matrix: `[dimension, dimension]`; one that leaves every query of two numbers where it is
            when left out.
        **changes: Fields of its manifest that are to be others than usual.

    Returns:
        What is on record.
    """
    step = np.eye(2, dtype=np.float32) if matrix is None else matrix
    fields = {
        "model_id": model_id,
        "kind": "adapter",
        "retriever_id": "products",
        "base": "words-2",
        "dimension": step.shape[0],
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "code_version": "0.1",
        **changes,
    }
    manifest = msgspec.convert(fields, Manifest)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        QueryAdapter(manifest.base, step.shape[0], matrix=step).save(folder)
        return shelf.keep(manifest, folder)
