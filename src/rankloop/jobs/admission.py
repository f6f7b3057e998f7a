"""Who judges models: what the log says of them, how they do in shadow, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.catalog.models import STEPS, Decision
from rankloop.errors import NotEnoughDataError, RankloopError
from rankloop.experiments.gate import GateConfig, Verdict, judge_offline, judge_shadow
from rankloop.jobs.held_out import find_split, hold_out
from rankloop.jobs.shadowing import replay_in_shadow
from rankloop.jobs.trial import Case, Trial
from rankloop.jobs.workbench import Workbench
from rankloop.retrieval.promotion import Promotion
from rankloop.training.splits import SplitConfig
from rankloop.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rankloop.jobs.context import JobContext
    from rankloop.jobs.held_out import HeldOut
    from rankloop.jobs.trial import TrialParts
    from rankloop.models.manifest import Manifest
    from rankloop.store.base import Value
    from rankloop.tables.windows import InsightsWindow
    from rankloop.training.splits import TimeSplit

OFFLINE: Final = 0.7
"""Share of the work that is done when the log has spoken."""


@dataclass(frozen=True, slots=True)
class AdmissionConfig:
    """How models are judged."""

    gate: GateConfig = field(default_factory=GateConfig)
    """What is asked of them."""

    split: SplitConfig = field(default_factory=SplitConfig)
    """Which days they are chosen by and judged on."""

    max_needs: int = 2_000
    """Different questions that are asked again, the most frequent ones."""

    max_shadow: int = 300
    """Latest searches that a shadow ranks."""


class Admission:
    """Compares models, and judges the one that was chosen; every verdict is written down.

    Several models may be compared on the days to choose by. One is then judged, once, on days that
    none has seen, so that the level of the gate is that of one test however many were tried.

    Args:
        parts: What rankings are made and read with.
        config: How models are judged.
    """

    def __init__(self, parts: TrialParts, config: AdmissionConfig | None = None) -> None:
        self._parts = parts
        self._config = config or AdmissionConfig()
        self._promotion = Promotion(parts.serving, parts.models, parts.documents)

    def split(self, retriever_id: str, window: InsightsWindow) -> TimeSplit:
        """Cut the days of a log into those to learn from, to choose by and to judge on.

        Raises:
            NotEnoughDataError: There are too few days; it says how many more are needed.
        """
        self._parts.estimation.propensities(retriever_id, window)
        return find_split(self._parts.store, retriever_id, window, self._config.split)

    def compare(
        self, context: JobContext, model_ids: Sequence[str], window: InsightsWindow
    ) -> dict[str, float]:
        """Return what each model gains beyond what serves, in nDCG, on the days to choose by.

        Args:
            context: Where progress is reported.
            model_ids: Which; all of one retriever.
            window: The log, from the days to learn from to those to judge on.

        Returns:
            The gain by model; NaN where the log cannot tell, or the model cannot rank: one that
            cannot be compared does not keep others from it.
        """
        gains = {}
        with self._open_bench(context) as bench:
            for place, model_id in enumerate(model_ids):
                context.report(place / len(model_ids), f"compare {model_id}")
                manifest = self._parts.models.load(model_id).manifest
                try:
                    days = self.split(manifest.retriever_id, window).validation
                    case = Case(manifest, window, self._keep_apart(manifest, days))
                    gains[model_id] = self._try(case, bench).estimate().value
                except RankloopError as error:
                    context.log(f"{model_id} cannot be compared: {error}")
                    gains[model_id] = math.nan
        return gains

    def judge(self, context: JobContext, model_id: str, window: InsightsWindow) -> Verdict:
        """Judge one model on days that none has seen, and put it where it belongs.

        Args:
            context: Where progress is reported and finished steps are kept.
            model_id: Which.
            window: The log, from the days to learn from to those to judge on.

        Raises:
            NotFoundError: There is no such model, or its retriever is gone.
            ConflictError: It is not what was trained, or does not go with the documents.
        """
        manifest = self._parts.models.check(model_id).manifest
        if self._parts.models.catalog.find(model_id).state == "promoted":
            return Verdict("promoted", "it serves already", {})
        case = Case(manifest, window)
        with self._open_bench(context) as bench:
            offline = context.step(
                "offline", lambda: self._judge_offline(context, case, bench), Verdict
            )
            context.step("write_offline", lambda: self._write(model_id, offline))
            context.log(f"{model_id}: {offline.why}")
            if offline.outcome == "rejected":
                return offline
            shadow = context.step(
                "shadow", lambda: self._judge_shadow(context, case, bench), Verdict
            )
        evidence = {**offline.evidence, "shadow": shadow.evidence}
        verdict = Verdict(shadow.outcome, f"{offline.why}; {shadow.why}", evidence)
        context.step("write_shadow", lambda: self._write(model_id, verdict))
        context.log(f"{model_id}: {shadow.why}")
        return verdict

    def measure(self, context: JobContext, model_id: str, window: InsightsWindow) -> dict[str, Any]:
        """Say how a model does, without putting it anywhere: the evidence of the gate.

        Raises:
            NotEnoughDataError: The log cannot tell.
        """
        manifest = self._parts.models.check(model_id).manifest
        case = Case(manifest, window)
        with self._open_bench(context) as bench:
            return asdict(self._judge_offline(context, case, bench, is_strict=True))

    def _judge_offline(
        self, context: JobContext, case: Case, bench: Workbench, *, is_strict: bool = False
    ) -> Verdict:
        """Let the log say what a model would earn."""
        manifest = case.manifest
        about: dict[str, Any] = {
            "code_version": __version__,
            "learned_from": msgspec.to_builtins(manifest.window),
        }
        try:
            days = self.split(manifest.retriever_id, case.window).test
            held = self._keep_apart(manifest, days)
            about["judged_on"] = {"window": msgspec.to_builtins(held.window), "by": held.by}
            trial = self._try(
                replace(case, held=held),
                bench,
                lambda share: context.report(OFFLINE * share, "rank again"),
            )
            evidence = trial.weigh(self._config.gate)
            about |= trial.describe()
        except NotEnoughDataError as error:
            if is_strict:
                raise
            said = f"{error}. {error.hint}".rstrip(". ")
            return Verdict("rejected", f"the log cannot tell: {said}", about)
        verdict = judge_offline(evidence, self._config.gate)
        plain = msgspec.to_builtins({**verdict.evidence, **about})
        return Verdict(verdict.outcome, verdict.why, plain)

    def _judge_shadow(self, context: JobContext, case: Case, bench: Workbench) -> Verdict:
        """Let a model rank what people searched for, unseen."""
        trial = self._try(case, bench)
        evidence = replay_in_shadow(
            trial.replayer,
            trial.replayer.searches(self._config.max_shadow),
            (trial.pipelines[1], trial.pipelines[0]),
            lambda share: context.report(OFFLINE + (1 - OFFLINE) * share, "rank in shadow"),
        )
        return judge_shadow(evidence, self._config.gate)

    def _try(
        self, case: Case, bench: Workbench, tick: Callable[[float], None] | None = None
    ) -> Trial:
        """Put a model on trial."""
        return Trial(self._parts, case, bench, self._config.max_needs, tick)

    def _open_bench(self, context: JobContext) -> Workbench:
        """Make room for what pipelines on trial need."""
        parts = self._parts
        return Workbench(parts.serving, parts.documents, parts.models, context.folder)

    def _keep_apart(self, manifest: Manifest, days: InsightsWindow) -> HeldOut:
        """Find clicks within some days that a model did not learn from."""
        asked: dict[str, Value] = {
            "retriever_id": manifest.retriever_id,
            "start": days.start,
            "end": days.end,
        }
        found = self._parts.store.ask("list_days", asked)["day"].to_pylist()
        last = found[-1] + timedelta(days=1) if found else datetime.now(UTC).date()
        return hold_out(manifest, days, datetime.combine(last, time(), UTC))

    def _write(self, model_id: str, verdict: Verdict) -> str:
        """Put a model where its verdict says, and write down why."""
        catalog = self._parts.models.catalog
        decision = Decision("gate", verdict.why, verdict.evidence)
        state = catalog.find(model_id).state
        if verdict.outcome == "promoted":
            return self._promotion.promote(model_id, decision).state
        if verdict.outcome in STEPS[state]:
            return catalog.move(model_id, verdict.outcome, decision).state
        return state
