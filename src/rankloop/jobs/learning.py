"""The loop, once: estimate, label, pair, train what the data allow, choose one, judge it.

One model changes at a time, and one test is made of it: candidates are compared on days of their
own, and only the best of them is judged on later days that none has seen. So the gate's level is
that of one test, however many kinds of models were tried.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from rankloop.attribution.base import RULES_VERSION
from rankloop.errors import NotEnoughDataError
from rankloop.events.queries import NORMALIZATION_VERSION
from rankloop.jobs.learning_diary import SHARES, Diary
from rankloop.jobs.learning_steps import describe_curve, describe_labels, describe_pairs
from rankloop.jobs.parameters import WindowParameters
from rankloop.models.manifest import Measured
from rankloop.tables.learning import LearnCandidate, LearnReport, PartMeasures
from rankloop.tables.windows import InsightsWindow
from rankloop.training.splits import TimeSplit
from rankloop.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rankloop.experiments.gate import Verdict
    from rankloop.jobs.context import JobContext
    from rankloop.jobs.learning_log import LogReader
    from rankloop.jobs.learning_steps import Finding
    from rankloop.jobs.pairing import Pairing
    from rankloop.models.manifest import Manifest
    from rankloop.tables.learning import LearnDecision
    from rankloop.tables.pairs import Need


@dataclass(frozen=True, slots=True)
class Lack:
    """Why a kind of model is not trained.

    Attributes:
        why: One sentence.
        needs: What there is too little of; empty where more data would not help.
    """

    why: str
    needs: Sequence[Need] = ()


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that was trained.

    Attributes:
        manifest: What it was made of.
        why: What training says of it, one sentence.
        is_rejected: Whether training itself found it no better than what serves.
    """

    manifest: Manifest
    why: str
    is_rejected: bool = False


class Course(Protocol):
    """How one kind of model is trained."""

    def find_lack(self, retriever_id: str, figures: Mapping[str, Any]) -> Lack | None:
        """Say why the kind is not trained; None where it is.

        Args:
            retriever_id: Whose model.
            figures: What the steps before counted: `searches`, `clicks`, `queries`,
                `documents_shown`, `impressions`, `pairs`, `pair_queries`.
        """
        ...

    def train(self, context: JobContext, retriever_id: str, window: InsightsWindow) -> Trained:
        """Train a model and put it on record.

        Raises:
            RankloopError: It could not be trained.
        """
        ...


class Court(Protocol):
    """Who compares candidates, and judges the one that was chosen; `jobs.admission` is one."""

    def split(self, retriever_id: str, window: InsightsWindow) -> TimeSplit:
        """Cut the days of a log into those to learn from, to choose by and to judge on.

        Raises:
            NotEnoughDataError: There are too few.
        """
        ...

    def compare(
        self, context: JobContext, model_ids: Sequence[str], window: InsightsWindow
    ) -> dict[str, float]:
        """Return what each gains beyond what serves, on days to choose by; NaN where unknown."""
        ...

    def judge(self, context: JobContext, model_id: str, window: InsightsWindow) -> Verdict:
        """Judge one model on days that none has seen, and put it where it belongs."""
        ...


class LearnParameters(WindowParameters, frozen=True, kw_only=True):
    """Go round the loop once: estimate, label, pair, train, choose, judge, promote or keep."""


class Learning:
    """Learning on one installation.

    Args:
        reader: What reads the log.
        pairing: What mines pairs.
        courses: How each kind of model is trained, in the order in which they are tried.
        court: Who decides.
        now: The clock, aware UTC.
    """

    def __init__(
        self,
        reader: LogReader,
        pairing: Pairing,
        courses: Mapping[str, Course],
        court: Court,
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._pairing = pairing
        self._courses = courses
        self._court = court
        self._now = now

    def run(self, context: JobContext, parameters: LearnParameters) -> dict[str, Any]:
        """Go round the loop once, as a job.

        Returns:
            A `LearnReport` as plain data.
        """
        now = context.step("now", self._now, datetime)
        window = parameters.to_window(now)
        # An end, so that every step of a run that takes a day reads the same log.
        window = msgspec.structs.replace(window, end=window.end or now)
        return self.learn(context, parameters.retriever_id, window).to_dict()

    def learn(
        self, context: JobContext, retriever_id: str | None, window: InsightsWindow
    ) -> LearnReport:
        """Go round the loop once.

        Args:
            context: Where progress is reported and finished steps are kept.
            retriever_id: Whose rankings; the only retriever when left out.
            window: From when to when.

        Raises:
            InputError: The retriever is left out and not the only one, nothing is on record of it,
                or the window is empty.
        """
        retriever = context.step("retriever", lambda: self._reader.find_logged(retriever_id))
        diary = Diary(context)
        diary.write("estimate", lambda: describe_curve(self._reader.read(retriever, window)))
        diary.write("label", lambda: describe_labels(self._reader.read(retriever, window)))
        diary.write("pair", lambda: describe_pairs(self._pairing.mine(retriever, window)))
        split = self._split(diary, retriever, window)
        if isinstance(split, Lack):
            candidates = [_leave_out(kind, split) for kind in self._courses]
        else:
            candidates = self._compete(_Run(diary, retriever, window, split))
        promoted = (one.model_id for one in candidates if one.decision == "promoted")
        return LearnReport(
            retriever_id=retriever,
            window=window,
            steps=diary.steps,
            candidates=candidates,
            promoted=next(promoted, None),
            versions={
                "rankloop": __version__,
                "query_normalization": NORMALIZATION_VERSION,
                "attribution_rules": str(RULES_VERSION),
            },
        )

    def _split(self, diary: Diary, retriever_id: str, window: InsightsWindow) -> TimeSplit | Lack:
        """Cut the window into days to learn from, to choose by and to judge on."""

        def work() -> Finding:
            split = self._court.split(retriever_id, window)
            said = f"learn until {split.train.end:%d %B}, judge from {split.test.start:%d %B} on"
            days = {name: getattr(split, name) for name in ("train", "validation", "test")}
            return said, {"days": msgspec.to_builtins(days)}

        step = diary.write("split", work)
        if step.status != "done":
            return Lack(step.summary)
        return TimeSplit(**msgspec.convert(step.figures["days"], dict[str, InsightsWindow]))

    def _compete(self, run: _Run) -> list[LearnCandidate]:
        """Train every kind, choose one, and let it be judged."""
        candidates = self._train(run)
        open_ids = [one.model_id for one in candidates if one.decision == "not_chosen"]
        chosen, why_not = self._choose(run, [name for name in open_ids if name is not None])
        judged = self._judge(run, chosen) if chosen else None
        return [_settle(one, chosen, why_not, judged) for one in candidates]

    def _train(self, run: _Run) -> list[LearnCandidate]:
        """Train every kind of model that the data allow."""
        began = SHARES["pair"]
        width = (SHARES["train"] - began) / max(1, len(self._courses))
        return [
            self._train_one(run, kind, (began + width * place, began + width * (place + 1)))
            for place, kind in enumerate(self._courses)
        ]

    def _train_one(self, run: _Run, kind: str, shares: tuple[float, float]) -> LearnCandidate:
        """Train one kind of model, or say why not."""
        course, name = self._courses[kind], f"train {kind}"
        lack = course.find_lack(run.retriever_id, run.diary.figures)
        if lack is not None:
            run.diary.skip(name, lack.why)
            return _leave_out(kind, lack)

        def work() -> Finding:
            part = run.diary.context.part(f"train_{kind}", *shares)
            trained = course.train(part, run.retriever_id, run.split.train)
            manifest = trained.manifest
            figures = {
                "model_id": manifest.model_id,
                "metrics": to_parts(manifest.metrics),
                "is_rejected": trained.is_rejected,
            }
            return trained.why, msgspec.to_builtins(figures)

        step = run.diary.write(name, work)
        if step.status != "done":
            decision: LearnDecision = "failed" if step.status == "failed" else "not_trained"
            return LearnCandidate(kind=kind, decision=decision, why=step.summary)
        return LearnCandidate(
            kind=kind,
            model_id=step.figures["model_id"],
            metrics=msgspec.convert(step.figures["metrics"], dict[str, PartMeasures]),
            decision="rejected" if step.figures["is_rejected"] else "not_chosen",
            why=step.summary,
        )

    def _choose(self, run: _Run, trained: list[str]) -> tuple[str | None, str]:
        """Choose the model that earns most; say why the others are not chosen."""
        if not trained:
            run.diary.skip("choose", "there is nothing to choose from")
            return None, ""
        if len(trained) == 1:
            run.diary.skip("choose", f"{trained[0]} is the only one that was trained")
            return trained[0], ""

        def work() -> Finding:
            part = run.diary.context.part("choose", SHARES["train"], SHARES["choose"])
            gains = self._court.compare(part, trained, run.window)
            known = {name: gain for name, gain in gains.items() if not math.isnan(gain)}
            best = max(sorted(known), key=lambda name: known[name], default=None)
            if best is None:
                raise NotEnoughDataError("the log cannot tell any of them from what serves")
            said = f"{best} earns most on the days to choose by"
            return said, {"gains": known, "chosen": best}

        step = run.diary.write("choose", work)
        chosen = step.figures["chosen"] if step.status == "done" else None
        return chosen, step.summary

    def _judge(self, run: _Run, model_id: str) -> _Judged:
        """Let the chosen model be judged."""

        def work() -> Finding:
            part = run.diary.context.part("gate", SHARES["choose"], SHARES["gate"])
            verdict = self._court.judge(part, model_id, run.window)
            evidence = {"outcome": verdict.outcome, "evidence": verdict.evidence}
            return verdict.why, evidence

        step = run.diary.write("gate", work)
        if step.status != "done":
            return _Judged("rejected", step.summary, {})
        return _Judged(step.figures["outcome"], step.summary, step.figures["evidence"])


@dataclass(frozen=True, slots=True)
class _Run:
    """What stays the same all the way round."""

    diary: Diary
    retriever_id: str
    window: InsightsWindow
    split: TimeSplit


@dataclass(frozen=True, slots=True)
class _Judged:
    """What became of the chosen model."""

    decision: LearnDecision
    why: str
    evidence: dict[str, Any]


def to_parts(metrics: Sequence[Measured]) -> dict[str, PartMeasures]:
    """Return measures by part of the queries, the first of each part."""
    parts: dict[str, PartMeasures] = {}
    for one in metrics:
        parts.setdefault(
            one.part,
            PartMeasures(
                measure=one.measure,
                value=one.value,
                baseline=one.baseline,
                low=one.low,
                high=one.high,
                n=one.n,
            ),
        )
    return parts


def _leave_out(kind: str, lack: Lack) -> LearnCandidate:
    """Write down why a kind of model is not trained."""
    return LearnCandidate(kind=kind, decision="not_trained", why=lack.why, needs=list(lack.needs))


def _settle(
    one: LearnCandidate, chosen: str | None, why_not: str, judged: _Judged | None
) -> LearnCandidate:
    """Write down what became of a candidate."""
    if one.decision != "not_chosen":
        return one
    if judged is not None and one.model_id == chosen:
        metrics = to_parts(msgspec.convert(judged.evidence.get("parts", []), list[Measured]))
        return msgspec.structs.replace(
            one,
            decision=judged.decision,
            why=judged.why,
            evidence=judged.evidence,
            metrics=metrics or one.metrics,
        )
    return msgspec.structs.replace(one, why=why_not)
