"""Pipelines: every kind of stage by name, and how one request runs through them."""

from __future__ import annotations

import functools
import logging
from dataclasses import replace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

from rankloop.errors import Fault, InputError, PipelineError
from rankloop.models.feature_spec import FeatureSpec
from rankloop.retrieval.answers import Outcome, Result
from rankloop.retrieval.embedding import QueryEmbedding
from rankloop.retrieval.limits import check_candidates, check_page, check_query
from rankloop.retrieval.parts import Parts, StageKind
from rankloop.retrieval.placing import StageSpec
from rankloop.retrieval.rules import HardRules
from rankloop.retrieval.running import (
    Passage,
    Placed,
    StageTimes,
    explain_results,
    work_soundly,
)
from rankloop.stages.base import Candidates
from rankloop.stages.boosting import InteractionBoost, RerankConfig
from rankloop.stages.diversify import Diversify, DiversifyConfig
from rankloop.stages.exclusion import ExcludeInteracted, ExclusionConfig
from rankloop.stages.external import External, ExternalConfig
from rankloop.stages.filter import FilterConfig, FilterDocuments
from rankloop.stages.hybrid_search import HybridSearch, HybridSearchConfig
from rankloop.stages.model import ModelConfig, ModelStage
from rankloop.stages.personalization import PersonalizationConfig, Personalize
from rankloop.stages.pin import Pin, PinConfig
from rankloop.stages.text_search import TextSearch, TextSearchConfig
from rankloop.stages.vector_search import VectorSearch, VectorSearchConfig
from rankloop.telemetry import log_event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rankloop.counters.base import ServingCounters
    from rankloop.retrieval.specification import PipelineSpec
    from rankloop.stages.base import Query, SeenFeatures


def _build_external(config: ExternalConfig, parts: Parts) -> External:
    """Build the stage that asks another engine."""
    if parts.http is None:
        raise InputError("this process has no client for other engines", where="/type")
    if not config.engine:
        return External(parts.http, config)
    access = parts.engines.get(config.engine)
    if access is None:
        raise InputError(f"the settings name no engine {config.engine!r}", where="/engine")
    if not access.is_for(config.url):
        raise InputError(f"the engine {config.engine!r} is at another address", where="/url")
    return External(parts.http, config, access.headers)


def _need_counters(parts: Parts) -> ServingCounters:
    """Return the counters, which get ready from now on."""
    if parts.counters is None:
        raise InputError("this process keeps no counters of what people did", where="/type")
    parts.counters.start()
    return parts.counters


def _build_personalize(config: PersonalizationConfig, parts: Parts) -> Personalize:
    """Build the stage that goes by a person's own history."""
    return Personalize(_need_counters(parts), parts.index, config, parts.signal_weights)


def _build_model(_config: ModelConfig, parts: Parts) -> ModelStage:
    """Build the stage that goes by the ranker that serves; without one it only looks."""
    loaded = parts.models.loaded.get("ranker")
    spec = None if loaded is None else FeatureSpec.load(loaded.folder)
    return ModelStage(parts.index, parts.histories, parts.models.ranker, spec)


STAGES: Final[dict[str, StageKind]] = {
    "text_search": StageKind(
        TextSearchConfig, lambda config, parts: TextSearch(parts.index, config), finds=True
    ),
    "vector_search": StageKind(
        VectorSearchConfig,
        lambda config, parts: VectorSearch(parts.index, config),
        finds=True,
        wants_vector=True,
    ),
    "hybrid_search": StageKind(
        HybridSearchConfig,
        lambda config, parts: HybridSearch(parts.index, config),
        finds=True,
        wants_vector=True,
    ),
    "external": StageKind(ExternalConfig, _build_external, finds=True, blocks=True),
    "rerank": StageKind(
        RerankConfig,
        lambda config, parts: InteractionBoost(
            _need_counters(parts), config.boost_by_interaction_count
        ),
    ),
    "personalize": StageKind(PersonalizationConfig, _build_personalize),
    "model": StageKind(ModelConfig, _build_model),
    "exclude_interacted": StageKind(
        ExclusionConfig,
        lambda config, parts: ExcludeInteracted(_need_counters(parts), config),
        is_rule=True,
    ),
    "diversify": StageKind(DiversifyConfig, lambda config, parts: Diversify(parts.index, config)),
    "pin": StageKind(PinConfig, lambda config, parts: Pin(parts.index, config), is_rule=True),
    "filter": StageKind(
        FilterConfig, lambda config, parts: FilterDocuments(parts.index, config), is_rule=True
    ),
}
"""Every kind of stage by the `type` that a pipeline gives it."""

ENTRY_POINTS: Final = "rankloop.stages"
"""Where other packages offer kinds of stages: a name, and an object of `StageKind`."""

RANKER: Final = "model"
"""What orders candidates by a trained ranker; it is put in where none is configured."""

DEFAULT_FINDER: Final = "text_search"
"""What finds documents where a pipeline has no stage that does."""


log = logging.getLogger(__name__)


@functools.cache
def list_stages() -> Mapping[str, StageKind]:
    """Return every kind of stage: ours, and those that other packages offer under new names."""
    others = {}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            kind = point.load()
        except Exception as error:  # noqa: BLE001 another package's mistake stays its own
            kind = error
        if isinstance(kind, StageKind) and point.name not in STAGES:
            others[point.name] = kind
        else:
            log_event(log, "stage_not_taken", logging.WARNING, stage=point.name)
    return {**others, **STAGES}


class Pipeline:
    """The stages of one retriever, built once and run for every request.

    Hard rules hold for every result wherever they stand in the pipeline: first what a request or a
    `filter` demands and what `exclude_interacted` takes out, then what is pinned, then everything
    that was learned. Where a ranker serves that no stage `model` was configured for, it comes right
    after the documents were found.
    """

    def __init__(self, spec: PipelineSpec, parts: Parts) -> None:
        """Build every stage.

        Raises:
            PipelineError: A stage needs a part that is not there, or contradicts one.
        """
        weights = {**parts.signal_weights, **spec.signal_weights}
        parts = replace(parts, signal_weights=weights)
        self._spec = spec
        self._parts = parts
        placed = [_build(stage, parts) for stage in spec.stages]
        self._rules = HardRules([one for one in placed if one.spec.kind.is_rule], parts.index)
        self._stages = [one for one in placed if not one.spec.kind.is_rule]
        if not any(one.spec.kind.finds for one in self._stages):
            self._stages.insert(0, _build_unasked(DEFAULT_FINDER, parts))
        if parts.models.ranker and not any(one.spec.type == RANKER for one in self._stages):
            last = max(i for i, one in enumerate(self._stages) if one.spec.kind.finds)
            self._stages.insert(last + 1, _build_unasked(RANKER, parts))

    @property
    def model_ids(self) -> tuple[str, ...]:
        """Names of the trained models that take part."""
        return self._parts.models.model_ids

    def prepare(self, retriever_id: str, now: datetime, timeout_s: float) -> bool:
        """Have at hand what rankers know of the past up to a moment; see `ModelStage.prepare`.

        Returns:
            False where that takes too long: they would rank without.
        """
        looking = [one.stage for one in self._stages if isinstance(one.stage, ModelStage)]
        return all([stage.prepare(retriever_id, now, timeout_s) for stage in looking])

    def run(self, query: Query, *, limit: int, offset: int = 0, explain: bool = False) -> Outcome:
        """Find and order documents.

        Args:
            query: What is asked.
            limit: Results of the page, 1 to `MAX_LIMIT`.
            offset: Results before the page.
            explain: Whether each result says what moved it.

        Returns:
            A page. All pages of one query are parts of one ranking.

        Raises:
            FaultsError: The page, the query or its vector is out of range.
        """
        check_page(limit, offset)
        check_query(query.text)
        walk = _Walk(self._parts, query, self._spec.timeout_ms / 1e3)
        return walk.go(self._stages, self._rules, Candidates.empty()).page(
            limit, offset, explain=explain
        )

    def rerank(
        self,
        query: Query,
        candidates: Candidates,
        *,
        limit: int,
        offset: int = 0,
        explain: bool = False,
    ) -> Outcome:
        """Order a caller's own candidates; nothing is added, only hard rules take away.

        Args:
            query: What was asked.
            candidates: What the caller found.
            limit: Results of the page, 1 to `MAX_LIMIT`.
            offset: Results before the page.
            explain: Whether each result says what moved it.

        Raises:
            FaultsError: The page, the query or the number of candidates is out of range.
        """
        check_page(limit, offset)
        check_query(query.text)
        check_candidates(len(candidates))
        walk = _Walk(self._parts, query, self._spec.timeout_ms / 1e3)
        stages = [one for one in self._stages if not one.spec.kind.finds]
        return walk.go(stages, self._rules, candidates, only=candidates.document_ids).page(
            limit, offset, explain=explain
        )


class _Walk:
    """One request's walk through a pipeline."""

    def __init__(self, parts: Parts, query: Query, budget_s: float) -> None:
        self._parts = parts
        self._times = StageTimes(parts, budget_s)
        self._embedding = QueryEmbedding(parts, self._times)
        self._query = self._embedding.check(query)
        self._passages: list[Passage] = []
        self._ranking = Candidates.empty()

    def go(
        self,
        stages: Sequence[Placed],
        rules: HardRules,
        candidates: Candidates,
        only: Sequence[str] | None = None,
    ) -> _Walk:
        """Run the stages, then what is pinned, then the check that nothing breaks a rule."""
        allowed = rules.gather(self._query, self._times)
        self._query = replace(self._query, filters=allowed.filters)
        for placed in stages:
            if placed.spec.kind.wants_vector:
                self._query = self._embedding.complete(self._query, placed.spec)
            candidates = self._pass(placed, candidates)
        for placed in rules.orderings:
            candidates = self._pass(placed, candidates)
        self._ranking = allowed.keep(candidates, only)
        return self

    def _pass(self, placed: Placed, candidates: Candidates) -> Candidates:
        """Run one stage; its input goes on where it is given up."""
        query = self._query
        after = self._times.attempt(placed.spec, lambda: work_soundly(placed, query, candidates))
        if after is None:
            return candidates
        self._passages.append(Passage(placed, candidates, after))
        return after

    def page(self, limit: int, offset: int, *, explain: bool) -> Outcome:
        """Cut the page out of the ranking."""
        ranking = self._ranking
        document_ids = ranking.document_ids[offset : offset + limit]
        scores = ranking.scores[offset : offset + limit].tolist()
        payloads = ranking.payloads
        unknown = [name for name in document_ids if name not in payloads]
        if unknown:
            payloads = {**payloads, **self._parts.index.payloads(unknown)}
        steps = explain_results(self._query, self._passages, document_ids) if explain else {}
        results = tuple(
            Result(name, offset + place, score, payloads.get(name, {}), steps.get(name))
            for place, (name, score) in enumerate(zip(document_ids, scores, strict=True))
        )
        return Outcome(
            results,
            len(ranking),
            tuple(self._times.skipped),
            self._times.stage_ms,
            self._embedding.took_ms,
            self._times.took_ms,
            self._find_seen(document_ids),
        )

    def _find_seen(self, document_ids: Sequence[str]) -> SeenFeatures | None:
        """Return what a ranker, the last if there are several, saw of documents."""
        for passage in reversed(self._passages):
            if passage.after.seen is not None:
                return passage.after.seen.of(document_ids)
        return None


def _build(spec: StageSpec, parts: Parts) -> Placed:
    """Build one stage; what it refuses is named with its place."""
    try:
        return Placed(spec, spec.kind.build(spec.config, parts))
    except InputError as error:
        fault = Fault(f"/stages/{spec.index}{error.where}", error.code, str(error))
        raise PipelineError(str(error), [fault]) from error


def _build_unasked(name: str, parts: Parts) -> Placed:
    """Build a stage that is not configured."""
    kind = STAGES[name]
    return _build(StageSpec(name, kind, kind.config(), -1), parts)
