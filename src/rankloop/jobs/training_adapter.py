"""The job `train_adapter`: pairs in, vectors by whatever makes them, an adapter on record out."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from rankloop.catalog.models import Decision
from rankloop.jobs.adapter_task import MODEL_FOLDER, AdapterOrder, write_order
from rankloop.jobs.lessons import LessonParameters, LessonReader
from rankloop.jobs.pair_vectors import VectorReader
from rankloop.jobs.processes import run_child
from rankloop.models.manifest import Manifest, Measured
from rankloop.tables.fields import Text
from rankloop.tables.manifests import N_SHARDS
from rankloop.training.yields import MIN_POSITIVES, MIN_QUERIES
from rankloop.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rankloop.indexing.library import Library
    from rankloop.jobs.context import JobContext
    from rankloop.jobs.learning_log import LogReader
    from rankloop.jobs.lessons import Lesson
    from rankloop.jobs.pair_vectors import PairVectors
    from rankloop.jobs.pairing import Pairing
    from rankloop.models.shelf import ModelShelf

TASK: Final = "train_adapter"


class AdapterParameters(LessonParameters, frozen=True, kw_only=True):
    """Train a step that moves queries to where their documents are; documents stay as they are."""

    base_model: (
        Annotated[
            Text,
            Meta(
                description="The model whose query vectors move, as its endpoint names it; what "
                "fills the retriever's index when left out."
            ),
        ]
        | None
    ) = None
    seed: Annotated[int, Meta(ge=0, description="The same seed makes the same adapter.")] = 1


class AdapterTraining:
    """Trains adapters on one installation.

    Args:
        reader: What names the only retriever.
        pairing: What mines pairs.
        documents: Where documents and what embeds them are.
        models: Where the adapter is kept.
        now: The clock, aware UTC.
    """

    def __init__(
        self,
        reader: LogReader,
        pairing: Pairing,
        documents: Library,
        models: ModelShelf,
        now: Callable[[], datetime],
    ) -> None:
        self._lessons = LessonReader(reader, pairing)
        self._documents = documents
        self._models = models
        self._now = now

    def run(self, context: JobContext, parameters: AdapterParameters) -> dict[str, Any]:
        """Train an adapter, and say what became of it.

        Returns:
            The fields of `FineTuned`.
        """
        manifest = self.train(context, parameters)
        record = self._models.catalog.find(manifest.model_id)
        return {
            "model_id": manifest.model_id,
            "decision": record.state,
            "why": explain(manifest),
            "metrics": msgspec.to_builtins(manifest.metrics),
            "warnings": manifest.parameters["warnings"],
            "details": {
                name: manifest.parameters[name]
                for name in ("chosen", "n_tried", "n_pairs", "n_queries", "n_dropped")
            },
        }

    def train(self, context: JobContext, parameters: AdapterParameters) -> Manifest:
        """Train an adapter and put it on record: as trained, or rejected where it is no better.

        Raises:
            InputError: The pairs belong to several retrievers, or the retriever is not known.
            NotEnoughDataError: There is too little to learn from; it says how much there should be.
            ConflictError: The index holds vectors of another model.
            SettingsError: Nothing is known that makes vectors of the base model.
            UnavailableError: An endpoint does not answer; what it made is kept.
        """
        now = context.step("now", self._now, datetime)
        lesson = self._lessons.read(context, parameters, parameters.to_window(now), now)
        vectors = VectorReader(self._documents, lesson.retriever_id, parameters.base_model).read(
            lesson.pairs, lambda share, message: context.report(0.1 + 0.3 * share, message)
        )
        warnings = _warn(lesson, vectors)
        for warning in warnings:
            context.log(warning)
        work = context.part("work", 0.4, 0.95)
        order = AdapterOrder(vectors.base_model, vectors.queries, parameters.seed)
        write_order(work.folder, vectors.examples, order)
        found = context.step("train", lambda: run_child(work, TASK, work.folder))
        manifest = self._describe(lesson, vectors, found, parameters, now, warnings)
        kept = self._models.keep(manifest, work.folder / MODEL_FOLDER)
        context.step("settle", lambda: self._settle(kept))
        context.log(explain(kept))
        return kept

    def _describe(
        self,
        lesson: Lesson,
        vectors: PairVectors,
        found: dict[str, Any],
        parameters: AdapterParameters,
        now: datetime,
        warnings: Sequence[str],
    ) -> Manifest:
        """Write the manifest."""
        name = "\x1f".join(
            (lesson.retriever_id, vectors.base_model, lesson.digest, str(parameters.seed), str(now))
        )
        chosen = found["chosen"]
        return Manifest(
            model_id=f"adapter-{hashlib.sha256(name.encode()).hexdigest()[:10]}",
            kind="adapter",
            retriever_id=lesson.retriever_id,
            base=vectors.base_model,
            created_at=now,
            code_version=__version__,
            dimension=vectors.examples.dimension,
            window=lesson.window,
            exports={"pairs": lesson.digest},
            seeds=[parameters.seed],
            metrics=msgspec.convert(found["metrics"], list[Measured]),
            # Pairs do not tell who clicked, so it may have been anyone.
            shards=list(range(N_SHARDS)),
            parameters={
                "chosen": chosen,
                "tried": found["tried"],
                "n_tried": found["n_tried"],
                "n_pairs": int(vectors.examples.query.size),
                "n_queries": len(vectors.queries),
                "n_dropped": vectors.n_dropped,
                "n_documents": len(vectors.examples.documents),
                "n_from_index": vectors.n_from_index,
                "warnings": list(warnings),
            },
        )

    def _settle(self, manifest: Manifest) -> str:
        """Put an adapter that is no better out of the way; the gate judges every other."""
        if manifest.parameters["chosen"] is not None:
            return "trained"
        metrics = msgspec.to_builtins(manifest.metrics)
        decision = Decision("training", explain(manifest), {"metrics": metrics})
        return self._models.catalog.move(manifest.model_id, "rejected", decision).state


def explain(manifest: Manifest) -> str:
    """Say in one sentence what an adapter does for queries that it did not learn from."""
    unseen = next((row for row in manifest.metrics if row.part == "unseen"), None)
    if manifest.parameters["chosen"] is None:
        return "no step was surely better than none on queries that it did not learn from"
    if unseen is None:
        return "no query was left to judge it on"
    moved = f"nDCG@10 {unseen.baseline:.3f} to {unseen.value:.3f}"
    return f"{moved} on {unseen.n} queries that it did not learn from"


def _warn(lesson: Lesson, vectors: PairVectors) -> list[str]:
    """Say what speaks against the adapter before it is trained."""
    n_pairs, n_queries = int(vectors.examples.query.size), len(vectors.queries)
    warnings = []
    if vectors.n_dropped:
        warnings.append(
            f"{vectors.n_dropped:,} of {len(lesson.pairs):,} pairs are left out: their positive "
            "has neither a text nor a vector in the index"
        )
    if n_queries < MIN_QUERIES or n_pairs < MIN_POSITIVES:
        warnings.append(
            f"{n_pairs:,} pairs of {n_queries:,} queries are few: {MIN_POSITIVES:,} of "
            f"{MIN_QUERIES:,} should be there, and below that `learn` trains no adapter"
        )
    return warnings
