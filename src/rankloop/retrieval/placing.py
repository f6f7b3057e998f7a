"""A stage in its place in a pipeline, and what contradicts what before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rankloop.retrieval.parts import StageKind

FINDING_TIMEOUT_MS: Final = 1_000.0
"""What a stage that finds documents may take where it does not say."""

ORDERING_TIMEOUT_MS: Final = 500.0
"""What every other stage may take where it does not say."""


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One stage of a pipeline, read and checked.

    Attributes:
        type: The name of its kind.
        kind: How it is built and treated.
        config: Its own settings, an instance of `kind.config`.
        index: Its place in the pipeline, from 0; -1 for one that was put in front.
        timeout_ms: What it may take; None for the default of its kind.
    """

    type: str
    kind: StageKind
    config: Any
    index: int
    timeout_ms: float | None = None

    @property
    def budget_s(self) -> float:
        """What it may take, in seconds."""
        default = FINDING_TIMEOUT_MS if self.kind.finds else ORDERING_TIMEOUT_MS
        return (self.timeout_ms or default) / 1e3

    def to_config(self) -> dict[str, Any]:
        """Write the stage as it is read, every default of its own filled in."""
        written: dict[str, Any] = {"type": self.type, **msgspec.to_builtins(self.config)}
        if self.timeout_ms is not None:
            written["timeout_ms"] = self.timeout_ms
        return written


def check_order(
    stages: Sequence[StageSpec], raw: Sequence[Mapping[str, Any]], faults: list[Fault]
) -> None:
    """Find stages that contradict those before them.

    A stage that orders has nothing to order before the first that finds, and cannot handle more
    documents than the stages before it hand on. A pipeline in which no stage finds is in order: it
    re-orders a caller's candidates, or what is found by words.

    Args:
        stages: The stages.
        raw: The same as they were written; a `top_k` that was not written contradicts nothing.
        faults: Every mistake is added here.
    """
    finders = [place for place, stage in enumerate(stages) if stage.kind.finds]
    if not finders:
        return
    n_found = 0
    for place, (stage, written) in enumerate(zip(stages, raw, strict=True)):
        top_k = getattr(stage.config, "top_k", None)
        if stage.kind.finds:
            n_found += top_k or 0
        elif stage.kind.is_rule:
            continue
        elif place < finders[0]:
            detail = f"{stage.type} stands before any stage that finds documents"
            faults.append(Fault(f"/stages/{place}", "nothing_found_yet", detail))
        elif "top_k" in written and top_k is not None and n_found and top_k > n_found:
            detail = f"top_k is {top_k:,}, but the stages before it find at most {n_found:,}"
            faults.append(Fault(f"/stages/{place}/top_k", "contradictory_top_k", detail))
