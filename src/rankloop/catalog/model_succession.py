"""Which model served before another: what a rollback goes back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rankloop.catalog.models import Transition

ROLLED_BACK: Final = "rolled_back"
"""In the evidence of a step: the model whose rollback made it."""

REMOVED: Final = "removed"
"""In the evidence of a step: the retriever whose removal made it."""


def find_served_before(steps: Iterable[Transition]) -> str | None:
    """Return the model that served before the one that serves now.

    A promotion puts a model on top of those before it, a rollback takes the top one away for good,
    and nothing is left once the retriever was removed. So two rollbacks go two models back, and
    what was rolled back comes again only by being promoted again.

    Args:
        steps: Every step of the models of one kind of one retriever, oldest first.
    """
    served: list[str] = []
    for step in steps:
        evidence = step.decision.evidence
        if step.state_before == step.state_after:
            continue
        if step.state_after == "retired":
            if REMOVED in evidence:
                served.clear()
            elif ROLLED_BACK in evidence:
                served.pop()
        elif step.state_after == "promoted" and ROLLED_BACK not in evidence:
            served.append(step.model_id)
    return served[-2] if len(served) > 1 else None
