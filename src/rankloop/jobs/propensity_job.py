"""The job `estimate`: how likely each position is looked at, as a summary to keep."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from rankloop.jobs.parameters import WindowParameters
from rankloop.tables.fields import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.jobs.context import JobContext
    from rankloop.jobs.estimation import Estimation
    from rankloop.tables.bias import Bias


class EstimateParameters(WindowParameters, frozen=True, kw_only=True):
    """Estimate how likely each position is looked at."""

    retriever_id: (
        Annotated[Text, Meta(description="Whose lists; all together when left out.")] | None
    ) = None


class PropensityJob:
    """Estimates propensities, and keeps what was found.

    Args:
        estimation: What estimates.
        now: The clock, aware UTC.
    """

    def __init__(self, estimation: Estimation, now: Callable[[], datetime]) -> None:
        self._estimation = estimation
        self._now = now

    def run(self, context: JobContext, parameters: EstimateParameters) -> dict[str, Any]:
        """Estimate.

        Returns:
            Status, method and what supports it, and for each position its propensity, standard
            error and naive value, relative to position 0.
        """
        window = parameters.to_window(context.step("now", self._now, datetime))
        context.report(0.1, "counting clicks by position")
        bias = context.step(
            "estimate",
            lambda: summarize(self._estimation.bias(parameters.retriever_id, window)),
        )
        context.log(f"{bias['status']}, by {bias['method']}, from {bias['clicks']:,} clicks")
        return bias


def summarize(bias: Bias) -> dict[str, Any]:
    """Return the part of an estimate that is worth keeping."""
    return {
        "status": bias.status,
        "method": bias.method,
        "advice": bias.advice,
        "impressions": bias.impressions,
        "clicks": bias.clicks,
        "harvest_share": bias.harvest_share,
        "eta": bias.eta,
        "positions": [
            {
                "position": row.position,
                "propensity": row.propensity,
                "std_error": row.std_error,
                "naive": row.naive,
            }
            for row in bias.positions
        ],
    }
