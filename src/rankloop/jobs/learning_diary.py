"""The diary of a run of learning: each step is done once, and what came of it is written down."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, cast

from rankloop.errors import NotEnoughDataError, RankloopError
from rankloop.tables.learning import LearnStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.jobs.context import JobContext
    from rankloop.jobs.learning_steps import Finding
    from rankloop.tables.learning import StepStatus

SHARES: Final = {
    "estimate": 0.05,
    "label": 0.1,
    "pair": 0.2,
    "train": 0.8,
    "choose": 0.9,
    "gate": 1.0,
}
"""How much of the work is done when each step ends."""


class Diary:
    """Does each step once, however often the process dies, and keeps what came of it."""

    def __init__(self, context: JobContext) -> None:
        self.context = context
        self.steps: list[LearnStep] = []
        self.figures: dict[str, Any] = {}
        """Everything that the steps counted."""

    def write(self, name: str, work: Callable[[], Finding]) -> LearnStep:
        """Do a step; a failure that we know is written down, and learning goes on."""

        def run() -> LearnStep:
            began = time.perf_counter()
            try:
                (summary, figures), status = work(), "done"
            except NotEnoughDataError as error:
                summary, figures, status = str(error), {"hint": error.hint}, "skipped"
            except RankloopError as error:
                summary, figures, status = str(error), {"hint": error.hint}, "failed"
            took_s = time.perf_counter() - began
            return LearnStep(
                name=name,
                status=cast("StepStatus", status),
                summary=summary,
                took_s=took_s,
                figures=figures,
            )

        return self._add(self.context.step(name, run, LearnStep))

    def skip(self, name: str, why: str) -> None:
        """Write down that a step is not possible."""
        self._add(LearnStep(name=name, status="skipped", summary=why, took_s=0.0))

    def _add(self, step: LearnStep) -> LearnStep:
        self.steps.append(step)
        self.figures |= step.figures
        if step.name in SHARES:
            self.context.report(SHARES[step.name], f"{step.name}: {step.status}")
        self.context.log(f"{step.name}: {step.summary}")
        return step
