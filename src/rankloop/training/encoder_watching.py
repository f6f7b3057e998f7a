"""What watches a fine-tuning: says how far it is, and measures the model on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.evaluation import SentenceEvaluator
    from transformers import TrainerCallback

    Measure = Callable[[SentenceTransformer], float]
    """Says how good a model is; higher is better."""

    Report = Callable[[float, str], None]
    """Told how much is done, in [0, 1], and what."""

VALUE: Final = "ndcg"
"""The trainer's name of what a model is chosen by."""


def build_reporter(report: Report) -> TrainerCallback:
    """Build what hands the trainer's progress on, with its loss and the latest nDCG@10."""
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        """Hands lines of the trainer's log on."""

        said = ""

        def on_log(self, args: Any, state: Any, control: Any, **named: Any) -> None:  # noqa: ANN401
            """Say how far it is."""
            log = named.get("logs") or {}
            if f"eval_{VALUE}" in log:
                self.said = f", nDCG@10 {log[f'eval_{VALUE}']:.3f}"
            if "loss" in log:
                step = f"step {state.global_step} of {state.max_steps}"
                share = state.global_step / max(state.max_steps, 1)
                report(share, f"{step}, loss {log['loss']:.3f}{self.said}")

    return Reporter()


def build_evaluator(measure: Measure) -> SentenceEvaluator:
    """Build what the trainer asks how good the model is."""
    from sentence_transformers.base.evaluation import SentenceEvaluator

    class Evaluator(SentenceEvaluator):
        """Measures a model."""

        def __call__(self, model: Any, *args: Any, **named: Any) -> dict[str, float]:  # noqa: ANN401
            """Return the value by its name."""
            return {VALUE: measure(model)}

    build: Callable[[], SentenceEvaluator] = Evaluator
    return build()
