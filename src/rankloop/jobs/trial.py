"""One model on trial: what people asked, ranked with and without it, beside what they clicked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from rankloop.errors import NotEnoughDataError, UnavailableError
from rankloop.evaluation.off_policy import OffPolicyConfig, estimate_gain, find_crossover
from rankloop.experiments.gate import OfflineEvidence, Sanity, Sensitivity
from rankloop.jobs.held_out import EvidenceReader
from rankloop.jobs.part_measures import JUDGED_NDCG, measure_by_clicks, measure_by_judgments
from rankloop.jobs.replaying import Need, Replayer
from rankloop.jobs.training_ranker import HELD_OUT
from rankloop.tables.manifests import N_SHARDS
from rankloop.tables.windows import InsightsWindow
from rankloop.training.splits import hold_out_queries

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rankloop.bias.cells import Cells
    from rankloop.bias.estimates import BiasEstimate
    from rankloop.evaluation.off_policy import Gain, Measure
    from rankloop.experiments.gate import GateConfig
    from rankloop.indexing.library import Library
    from rankloop.jobs.estimation import Estimation
    from rankloop.jobs.held_out import Evidence, HeldOut
    from rankloop.jobs.judging import Judging
    from rankloop.jobs.workbench import Workbench
    from rankloop.models.manifest import Manifest
    from rankloop.models.shelf import ModelShelf
    from rankloop.retrieval.pipeline import Pipeline
    from rankloop.retrieval.serving import Serving
    from rankloop.store.base import EventStore

DEPTH: Final = 10
"""Results that count."""

ETAS: Final = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Exponents of examination that the gain is estimated under, for comparison."""

MIN_JUDGED: Final = 10
"""Fewer judged queries are no sanity set."""

MAX_JUDGED: Final = 500
"""Judged queries that are asked, the first by key."""

HISTORY_WAIT_S: Final = 120.0
"""How long reading what was known on an earlier day may take, in seconds."""

MAX_SEEN: Final = 1_000_000
"""Queries of the days that were learned from, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class TrialParts:
    """What rankings are made and read with."""

    store: EventStore
    estimation: Estimation
    judging: Judging
    documents: Library
    models: ModelShelf
    serving: Serving
    now: Callable[[], datetime]
    """The clock, aware UTC."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is on trial, and by which clicks.

    Attributes:
        manifest: The model.
        window: The whole log, which examination is estimated from.
        held: The clicks that the model is judged by; None where only its rankings are wanted.
    """

    manifest: Manifest
    window: InsightsWindow
    held: HeldOut | None = None


class Trial:
    """One model beside what serves, on clicks that it did not learn from.

    Args:
        parts: What rankings are made and read with.
        case: The model and the clicks.
        bench: What builds pipelines with it.
        max_needs: Different questions that are asked again.
        tick: Told how far the rankings are, in [0, 1].
    """

    def __init__(
        self,
        parts: TrialParts,
        case: Case,
        bench: Workbench,
        max_needs: int,
        tick: Callable[[float], None] | None = None,
    ) -> None:
        self._parts, self._bench = parts, bench
        self._manifest, self._window, self._held = case.manifest, case.window, case.held
        self._max_needs = max_needs
        self._tick = tick or (lambda _: None)

    @cached_property
    def replayer(self) -> Replayer:
        """What makes searches again, as those of the log were made.

        Raises:
            UnavailableError: What was known by then cannot be read in time.
        """
        replayer = self._replay(self._held.window if self._held is not None else self._window)
        for pipeline in self.pipelines:
            if not pipeline.prepare(self._manifest.retriever_id, self.moment, HISTORY_WAIT_S):
                raise UnavailableError(
                    "what people had done by the days of judging cannot be read in time",
                    hint="Start the job again when the server has less to do.",
                )
        replayer.settle(self.pipelines[0])
        return replayer

    @cached_property
    def moment(self) -> datetime:
        """The moment that rankings are made at, aware UTC.

        It is the first of the days that a model is judged on: what counts popularity or the clicks
        of a pair would know the very clicks that it is judged by from then on.
        """
        start = self._held.window.start if self._held is not None else None
        return start or self._parts.now()

    @cached_property
    def pipelines(self) -> tuple[Pipeline, Pipeline]:
        """What serves, and the same with the model.

        Raises:
            ConflictError: The model does not go with the documents.
            SettingsError: An encoder cannot be run here.
        """
        return self._bench.build(self._manifest, self._tick)

    def estimate(self, measure: Measure = "ndcg") -> Gain:
        """Estimate what the model would earn beyond what serves.

        Raises:
            NotEnoughDataError: The log cannot tell.
        """
        if self._estimate.propensities.status == "not_identifiable":
            raise NotEnoughDataError(
                "position cannot be taken out of these clicks: "
                "no document was clicked at several positions",
                where="propensities",
                hint="Swap neighbors in a small share of searches; `rankloop bias` says which.",
            )
        return _estimate(self.evidence, measure)

    def weigh(self, gate: GateConfig) -> OfflineEvidence:
        """Gather everything that the gate looks at.

        Raises:
            NotEnoughDataError: The log cannot tell.
        """
        gain = self.estimate()
        return OfflineEvidence(
            gain,
            sanity=self._judged,
            clicks=_estimate(self.evidence, "clicks"),
            sensitivity=self._vary(gate.min_gain),
        )

    def describe(self) -> dict[str, Any]:
        """Say what the evidence stands on, as plain data."""
        logged = self.evidence.logged
        propensities = self._estimate.propensities
        old, new = self.evidence.rankings
        return {
            "n_searches": int(logged.searches.sum()),
            "n_queries": logged.n_queries,
            "n_clicks": int(logged.clicks.sum()),
            "asked_share": self._asked_share,
            "ranked_as_of": self.moment,
            "is_reranking": self.replayer.is_reranking,
            "propensities": f"{propensities.status}, {propensities.method}",
            "knows_documents": self.evidence.features is not None,
            "guess_strength": self.evidence.guess.strength,
            "has_sanity_set": self._judged is not None,
            "parts": msgspec.to_builtins(
                measure_by_clicks(self.evidence, (new, old), self._find_seen())
            ),
        }

    @cached_property
    def evidence(self) -> Evidence:
        """The held-out log beside both rankings: what serves, and the model."""
        held = self._held
        if held is None:
            raise ValueError("no clicks were kept for this trial")
        retriever_id = self._manifest.retriever_id
        rankings = [
            self.replayer.rank(pipeline, self._needs, DEPTH, self._halve(half))
            for half, pipeline in enumerate(self.pipelines)
        ]
        cells = self._parts.estimation.cells(retriever_id, held.window, N_SHARDS)
        reader = EvidenceReader(self._parts.documents, retriever_id, self._estimate)
        texts = {need.query_key: need.text for need in self._needs}
        return reader.read(_sum_up(cells), held.shards, rankings, texts)

    @cached_property
    def _estimate(self) -> BiasEstimate:
        """What the whole log says of examination."""
        return self._parts.estimation.propensities(self._manifest.retriever_id, self._window)

    @cached_property
    def _needs(self) -> list[Need]:
        return self.replayer.needs(self._max_needs)

    @cached_property
    def _asked_share(self) -> float:
        """Which share of the searches asked something that was asked again."""
        whole = sum(need.n for need in self.replayer.needs(MAX_SEEN))
        return sum(need.n for need in self._needs) / whole if whole else 0.0

    def _replay(self, window: InsightsWindow) -> Replayer:
        """Build what makes the searches of a window again."""
        parts = self._parts
        return Replayer(
            parts.store, parts.documents, self._manifest.retriever_id, window, self.moment
        )

    def _halve(self, half: int) -> Callable[[float], None]:
        """Report one of the two replays as half of the work."""
        return lambda share: self._tick((half + share) / 2)

    def _find_seen(self) -> set[str]:
        """Return the queries of the days that the model learned from."""
        learned = self._manifest.window
        replayer = self._replay(InsightsWindow(learned.start, learned.end))
        needs = replayer.needs(MAX_SEEN)
        if not self._manifest.parameters.get(HELD_OUT, False):
            return {need.query_key for need in needs}
        held_out = hold_out_queries([need.text for need in needs])
        return {
            need.query_key
            for need, is_left_out in zip(needs, held_out, strict=True)
            if not is_left_out
        }

    def _vary(self, min_gain: float) -> Sensitivity:
        """Estimate the gain as if people looked down the list more, or less."""
        n_positions = self.evidence.examination.curve.size
        gains: list[Gain | None] = []
        for eta in ETAS:
            curve = np.arange(1.0, n_positions + 1) ** -eta
            try:
                gains.append(_estimate(self.evidence.under(curve), "ndcg"))
            except NotEnoughDataError:
                gains.append(None)
        eta = self._estimate.curve.eta if self._estimate.curve is not None else 1.0
        margins = [np.nan if gain is None else gain.low - min_gain for gain in gains]
        return Sensitivity(
            ETAS,
            tuple(None if gain is None else gain.value for gain in gains),
            tuple(None if gain is None else gain.low for gain in gains),
            eta,
            find_crossover(ETAS, margins, eta),
        )

    @cached_property
    def _judged(self) -> Sanity | None:
        """How both rankings do on what was judged; None where too little was."""
        rows, texts = self._parts.judging.read_imported()
        keys = sorted({row.query_key for row in rows} & set(texts))[:MAX_JUDGED]
        if len(keys) < MIN_JUDGED:
            return None
        needs = [Need(key, texts[key]) for key in keys]
        old, new = (self.replayer.rank(one, needs, DEPTH) for one in self.pipelines)
        if not any(old.values()) or not any(new.values()):
            return None
        before, after = measure_by_judgments(rows, (old, new))
        return Sanity(JUDGED_NDCG, float(before.mean()), float(after.mean()), before.size)


def _estimate(evidence: Evidence, measure: Measure) -> Gain:
    """Estimate the gain of the model's ranking over the one in use."""
    old, new = evidence.rankings
    config = OffPolicyConfig(measure=measure, depth=DEPTH)
    return estimate_gain(evidence.logged, evidence.examination, evidence.guess, (new, old), config)


def _sum_up(cells: Cells) -> Cells:
    """Leave positions and people apart, and nothing else."""
    return cells.sum_over("previous_click", "week", "context")
