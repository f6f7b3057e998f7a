"""A model's manifest: what it is, what it was made of, and how good it was found to be."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from rankloop.tables.records import Record

FORMAT: Final = 1
"""The form of manifests written here; a model with a higher one is refused."""

Kind = Literal["adapter", "encoder", "ranker"]
"""What a model does: moves queries, makes vectors, or scores candidates."""

State = Literal["trained", "rejected", "shadow", "promoted", "retired"]
"""How far a model has come; the catalog knows the state, the folder does not."""

N_SHARDS: Final = 64
"""Groups of people that logs and manifests tell apart."""


class Measured(Record, kw_only=True, frozen=True):
    """One measure of one model on one part of the queries, beside what serves today."""

    measure: str
    """Such as `nDCG@10`."""

    part: str
    """Which queries: `seen`, `unseen`, `head`, `torso`, `tail` or `all`."""

    value: float
    baseline: float
    """The same measure of what serves today."""

    low: float | None = None
    """Lower end of the 95% interval of `value - baseline`; null where there are too few queries."""

    high: float | None = None
    n: int
    """Queries measured."""


class DataWindow(Record, kw_only=True, frozen=True):
    """From which part of the log a model was made."""

    start: datetime | None = None
    end: datetime | None = None
    n_searches: int = 0
    n_clicks: int = 0


class Manifest(Record, kw_only=True, frozen=True):
    """Everything about a model that never changes once it was trained.

    Two runs over the same data with the same seeds write the same files; `files` tells whether
    what is on disk still is what was written.
    """

    model_id: str
    kind: Kind
    retriever_id: str
    """Whose queries and documents it was made for."""

    base: str
    """What it stands on: a model's name, or the pipeline whose rankings it learned from."""

    created_at: datetime
    code_version: str
    """The version of this program that trained it."""

    format: int = FORMAT
    dimension: int | None = None
    """Length of the vectors it takes and makes; null for a ranker."""

    window: DataWindow = DataWindow()
    exports: dict[str, str] = msgspec.field(default_factory=dict)
    """SHA-256 of each table it was trained on, by name."""

    seeds: list[int] = msgspec.field(default_factory=list)
    metrics: list[Measured] = msgspec.field(default_factory=list)
    shards: list[int] = msgspec.field(default_factory=list)
    """Which of the 64 groups of people it learned from; an erasure marks models by them."""

    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    """How it was trained, and what the training chose."""

    files: dict[str, str] = msgspec.field(default_factory=dict)
    """SHA-256 of each of its files, by path within the folder."""
