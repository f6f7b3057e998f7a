"""What one run of learning did: its steps, its candidates, and what serves from now on."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from rankloop.tables.pairs import Need
from rankloop.tables.records import Record
from rankloop.tables.windows import InsightsWindow

StepStatus = Literal["done", "skipped", "failed"]
"""Whether a step of learning was done, was not possible, or broke."""

LearnDecision = Literal["promoted", "shadow", "rejected", "not_chosen", "not_trained", "failed"]
"""What became of a kind of model: it serves, waits, is not shown to be better, another one was
better on the same validation, the data do not allow it, or training broke."""


class LearnStep(Record, kw_only=True, frozen=True):
    """One step of learning."""

    name: str
    """`estimate`, `label`, `pair`, `train KIND`, `choose` or `gate`."""

    status: StepStatus

    summary: str
    """What came of it, in one sentence."""

    took_s: float
    """How long it took, seconds."""

    figures: dict[str, Any] = msgspec.field(default_factory=dict)
    """What the sentence stands on."""


class PartMeasures(Record, kw_only=True, frozen=True):
    """How good a model is on one part of the queries, beside what serves."""

    measure: str
    """Such as `nDCG@10`."""

    value: float
    baseline: float
    """The same measure of what serves."""

    low: float | None = None
    """Lower end of the 95% interval of `value - baseline`; null where there are too few."""

    high: float | None = None
    n: int
    """Queries measured."""


class LearnCandidate(Record, kw_only=True, frozen=True):
    """One kind of model, and what became of it."""

    kind: str
    """`ranker`, `adapter` or `encoder`."""

    model_id: str | None = None
    """Its name in the registry; null where none was trained."""

    metrics: dict[str, PartMeasures] = msgspec.field(default_factory=dict)
    """By part of the queries: `seen`, `unseen`, and where there are enough `head`, `torso`,
    `tail`."""

    decision: LearnDecision

    why: str
    """The sentence with the figure that decided."""

    needs: list[Need] = msgspec.field(default_factory=list)
    """What there is too little of to train it, and how much more would do."""

    evidence: dict[str, Any] = msgspec.field(default_factory=dict)
    """Everything that the gate looked at."""


class LearnReport(Record, kw_only=True, frozen=True):
    """What one run of learning did.

    Example:
        >>> step = LearnStep(name="estimate", status="done", summary="steep", took_s=0.1)
        >>> report = LearnReport(retriever_id="products", window=InsightsWindow(), steps=[step])
        >>> report.promoted is None
        True
    """

    retriever_id: str
    """Whose rankings were learned from, and change."""

    window: InsightsWindow
    """From when to when the log was read."""

    steps: list[LearnStep]
    """In order."""

    candidates: list[LearnCandidate] = msgspec.field(default_factory=list)
    """One for each kind of model."""

    promoted: str | None = None
    """The model that serves from now on; null where what serves today was kept."""

    versions: dict[str, str] = msgspec.field(default_factory=dict)
    """What did it: program, query normalization, rules of attribution."""
