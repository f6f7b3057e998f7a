"""Trained models as they are shown: how far each has come, whether it ranks, and why."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from rankloop.tables.manifests import Kind, Manifest, Measured, State
from rankloop.tables.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


class Model(Record, kw_only=True, frozen=True, omit_defaults=True):
    """One trained model."""

    model_id: str
    kind: Kind
    """`adapter` moves queries, `encoder` makes vectors, `ranker` scores candidates."""

    retriever_id: str
    """Whose rankings it is for."""

    state: State
    """How far it has come."""

    created_at: datetime
    """UTC."""

    base: str | None = None
    """What it stands on; null where its manifest cannot be read."""

    is_serving: bool = False
    """Whether it takes part in rankings now."""

    problem: str | None = None
    """Why it does not, where it should; or why its manifest cannot be read."""

    metrics: list[Measured] = msgspec.field(default_factory=list)
    """How good it was found to be, beside what served at the time."""

    erased_at: list[datetime] = msgspec.field(default_factory=list)
    """When users were erased whom it may have learned from: train it again without them."""


class Models(Record, frozen=True):
    """Models, newest first; iterate over them."""

    results: list[Model]

    def __iter__(self) -> Iterator[Model]:
        """Yield the models."""
        return iter(self.results)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.results)


class ModelStep(Record, kw_only=True, frozen=True):
    """One step of a model; never changed once written."""

    at: datetime
    """UTC."""

    state_before: State | None
    """Null for the first."""

    state_after: State
    """The same as before where something was only written down."""

    decided_by: str
    """`training`, `gate`, `operator`, `forced` for an operator against the gate, or `erasure`."""

    why: str
    evidence: dict[str, Any]
    """What the decision stood on."""


class ModelDetails(Model, kw_only=True, frozen=True, omit_defaults=True):
    """One trained model with all that is known of it."""

    manifest: Manifest | None = None
    """What it was made of; null where that cannot be read."""

    history: list[ModelStep] = msgspec.field(default_factory=list)
    """Its steps, oldest first."""


class ModelRollback(Record, kw_only=True, frozen=True):
    """What a rollback did."""

    rolled_back: Model
    """What served until now."""

    serving: Model | None
    """What serves from now on; null where nothing did before."""
