"""What came of a training: a model on record, whether it serves, and what it does."""

from __future__ import annotations

from typing import Any

import msgspec

from rankloop.tables.manifests import Measured, State
from rankloop.tables.records import Record


class FineTuned(Record, kw_only=True, frozen=True):
    """A model that was trained.

    Example:
        >>> model = FineTuned(model_id="adapter-1", decision="rejected", why="no step helps")
        >>> model.is_better
        False
    """

    model_id: str
    """Its name in the registry."""

    decision: State
    """`promoted` where it serves now, `rejected` where it is no better than what serves, else how
    far it has come: `trained`, `shadow`."""

    why: str
    """One sentence."""

    metrics: list[Measured] = msgspec.field(default_factory=list)
    """How good it is on queries that taught it (`seen`) and on others (`unseen`), beside what it
    stands on, with intervals of the difference."""

    warnings: list[str] = msgspec.field(default_factory=list)
    """What speaks against it, such as too few pairs."""

    details: dict[str, Any] = msgspec.field(default_factory=dict)
    """What the training chose, and how much it had to learn from."""

    @property
    def is_better(self) -> bool:
        """Whether nothing held it back so far."""
        return self.decision != "rejected"
