"""The job `evaluate`: what a model would earn on clicks that it did not learn from."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from rankloop.jobs.parameters import WindowParameters
from rankloop.tables.fields import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.jobs.admission import Admission
    from rankloop.jobs.context import JobContext


class EvaluateParameters(WindowParameters, frozen=True, kw_only=True):
    """Say what a model would earn on days or people that it did not learn from, part by part."""

    model_id: Annotated[Text, Meta(description="Which model.")]
    admit: Annotated[
        bool,
        Meta(
            description="Let the gate decide: the model serves if it is better, else it stays out."
        ),
    ] = False


class EvaluateJob:
    """Evaluates one model, or lets the gate decide about it.

    Args:
        admission: Who judges.
        now: The clock, aware UTC.
    """

    def __init__(self, admission: Admission, now: Callable[[], datetime]) -> None:
        self._admission = admission
        self._now = now

    def run(self, context: JobContext, parameters: EvaluateParameters) -> dict[str, Any]:
        """Evaluate.

        Returns:
            `model_id`, `outcome` (what the gate says: `shadow` for a model that it would try),
            `why` and `evidence`.

        Raises:
            NotFoundError: There is no such model.
            NotEnoughDataError: The log cannot tell, and nothing is to be decided.
        """
        window = parameters.to_window(context.step("now", self._now, datetime))
        if parameters.admit:
            verdict = self._admission.judge(context, parameters.model_id, window)
            found = {"outcome": verdict.outcome, "why": verdict.why, "evidence": verdict.evidence}
        else:
            found = context.step(
                "measure", lambda: self._admission.measure(context, parameters.model_id, window)
            )
        context.log(f"{parameters.model_id}: {found['why']}")
        plain: dict[str, Any] = msgspec.to_builtins({"model_id": parameters.model_id, **found})
        return plain
