"""The job `train_encoder`: pairs in, an encoder on record out that embeds queries and documents."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from rankloop.catalog.models import Decision
from rankloop.errors import NotEnoughDataError, SettingsError
from rankloop.indexing.embedder_local import name_folder
from rankloop.jobs.encoder_task import MODEL_FOLDER, write_task
from rankloop.jobs.lessons import LessonParameters, LessonReader, find_ids
from rankloop.jobs.processes import run_child
from rankloop.jobs.training_ranker import HELD_OUT
from rankloop.models.manifest import Manifest, Measured
from rankloop.tables.fields import Text
from rankloop.tables.manifests import N_SHARDS
from rankloop.training.encoder_fitting import FitConfig
from rankloop.training.encoder_tasks import find_warnings, prepare_task
from rankloop.training.splits import split_time
from rankloop.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rankloop.indexing.library import Library
    from rankloop.jobs.context import JobContext
    from rankloop.jobs.learning_log import LogReader
    from rankloop.jobs.lessons import Lesson
    from rankloop.jobs.pairing import Pairing
    from rankloop.models.shelf import ModelShelf
    from rankloop.tables.training_pairs import TrainingPair
    from rankloop.tables.windows import InsightsWindow
    from rankloop.training.encoders import EncoderTask

TASK: Final = "train_encoder"


class EncoderParameters(LessonParameters, frozen=True, kw_only=True):
    """Fine-tune an embedding model; once promoted, all documents are embedded anew with it."""

    base_model: (
        Annotated[
            Text,
            Meta(
                description="A folder on the server, or a name on the hub; what fills the "
                "retriever's index when left out."
            ),
        ]
        | None
    ) = None
    epochs: Annotated[int, Meta(ge=1, le=50, description="Times that each pair is seen.")] = 2
    batch: Annotated[
        int,
        Meta(ge=2, le=4_096, description="Pairs of a step, each contrasted with the others."),
    ] = 64
    learning_rate: (
        Annotated[
            float,
            Meta(gt=0, lt=1, description="Highest step size; 2e-5 when left out, LoRA 2e-4."),
        ]
        | None
    ) = None
    max_tokens: (
        Annotated[
            int,
            Meta(ge=8, description="Tokens of a text that count; as many as the model takes."),
        ]
        | None
    ) = None
    negatives: Annotated[
        int, Meta(ge=0, le=8, description="Documents passed over beside each positive.")
    ] = 1
    lora_rank: (
        Annotated[
            int,
            Meta(ge=1, le=256, description="Rank of the changes (LoRA); all weights move without."),
        ]
        | None
    ) = None
    guide: (
        Annotated[
            Text,
            Meta(
                description="A model that masks negatives which are as good as the positive; "
                "`base` for the base model; none when left out."
            ),
        ]
        | None
    ) = None
    onnx: Annotated[bool, Meta(description="Write it as ONNX, to serve without torch.")] = True
    seed: Annotated[int, Meta(ge=0, description="The same seed makes the same encoder.")] = 17

    def to_fit(self) -> FitConfig:
        """Say how to learn."""
        return FitConfig(
            n_epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            n_negatives=self.negatives,
            max_tokens=self.max_tokens,
            lora_rank=self.lora_rank,
            guide=self.guide,
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A fine-tuning before it begins."""

    lesson: Lesson
    task: EncoderTask
    warnings: list[str]


class EncoderTraining:
    """Fine-tunes encoders on one installation.

    Args:
        reader: What names the only retriever, and the days of the log.
        pairing: What mines pairs.
        documents: Where documents and what embeds them are.
        models: Where the encoder is kept.
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
        self._reader = reader
        self._lessons = LessonReader(reader, pairing)
        self._documents = documents
        self._models = models
        self._now = now

    def run(self, context: JobContext, parameters: EncoderParameters) -> dict[str, Any]:
        """Fine-tune an encoder, and say what became of it."""
        manifest = self.train(context, parameters)
        record = self._models.catalog.find(manifest.model_id)
        told = ("share", "no_onnx", "n_pairs", "n_queries")
        return {
            "model_id": manifest.model_id,
            "decision": record.state,
            "why": explain(manifest),
            "metrics": msgspec.to_builtins(manifest.metrics),
            "warnings": manifest.parameters["warnings"],
            "details": {name: manifest.parameters[name] for name in told},
        }

    def train(self, context: JobContext, parameters: EncoderParameters) -> Manifest:
        """Fine-tune an encoder and put it on record: as trained, or rejected where it is no better.

        Raises:
            InputError: The pairs belong to several retrievers, or the retriever is not known.
            NotEnoughDataError: There is too little to learn from; it says how much there should be.
            SettingsError: There is no such model, or what loads it is not installed.
            DiskFullError: The disk has no room for it.
        """
        now = context.step("now", self._now, datetime)
        prepared = self._prepare(context, parameters, now)
        for warning in prepared.warnings:
            context.log(warning)
        work = context.part("work", 0.1, 0.97)
        write_task(work.folder, prepared.task)
        found = context.step("train", lambda: run_child(work, TASK, work.folder))
        context.report(0.97, "keep the model")
        manifest = _describe(prepared, found, parameters, now)
        kept = self._models.keep(manifest, work.folder / MODEL_FOLDER)
        context.step("settle", lambda: self._settle(kept))
        context.log(explain(kept))
        return kept

    def _prepare(
        self, context: JobContext, parameters: EncoderParameters, now: datetime
    ) -> _Prepared:
        """Gather pairs, part them by days and by queries."""
        windows, warnings = self._part_days(parameters, now)
        lesson = self._lessons.read(context, parameters, windows[0], now)
        base_model = parameters.base_model or self._find_base(lesson.retriever_id)
        pairs = self._fill_texts(lesson.retriever_id, lesson.pairs)
        later = None
        if len(windows) > 1:
            mined = self._lessons.mine(context, "later", parameters, windows[1], now)
            later = self._fill_texts(lesson.retriever_id, mined.pairs)
        task = prepare_task(base_model, pairs, later, parameters.to_fit())
        known = [pair for pair in pairs if pair.positive]
        warnings += find_warnings(len({pair.query for pair in known}), len(known))
        if len(known) < len(pairs):
            warnings.append(
                f"{len(pairs) - len(known):,} of {len(pairs):,} pairs are left out: nothing "
                "holds the text of their positive"
            )
        return _Prepared(
            lesson, msgspec.structs.replace(task, is_exported=parameters.onnx), warnings
        )

    def _part_days(
        self, parameters: EncoderParameters, now: datetime
    ) -> tuple[list[InsightsWindow], list[str]]:
        """Keep the last days for measuring, where there are enough of them."""
        window = parameters.to_window(now)
        if parameters.pairs is not None:
            return [window], []
        days = self._reader.list_days(parameters.retriever_id, window)
        try:
            if not days:
                raise NotEnoughDataError("there are no days")
            split = split_time(window, days[0], days[-1])
        except NotEnoughDataError:
            warning = "too few days to measure on later ones: queries alone are kept apart"
            return [window], [warning]
        return [split.train, msgspec.structs.replace(window, start=split.validation.start)], []

    def _find_base(self, retriever_id: str) -> str:
        """Return the model that fills the index."""
        spec = self._documents.open(retriever_id).spec
        if spec is None or spec.kind != "local":
            raise SettingsError(
                f"no model that can be fine-tuned fills the index of {retriever_id!r}",
                where="/base_model",
                hint="Name a folder or a model on the hub; for the model of an endpoint, train "
                "an adapter.",
            )
        return spec.model

    def _fill_texts(self, retriever_id: str, pairs: Sequence[TrainingPair]) -> list[TrainingPair]:
        """Look up the texts of documents that came by name only."""
        texts = self._documents.texts(retriever_id, find_ids(pairs))
        return [_fill(pair, texts) for pair in pairs]

    def _settle(self, manifest: Manifest) -> str:
        """Put an encoder that is the base as it was out of the way; the gate judges every other."""
        if manifest.parameters["share"]:
            return "trained"
        metrics = msgspec.to_builtins(manifest.metrics)
        decision = Decision("training", explain(manifest), {"metrics": metrics})
        return self._models.catalog.move(manifest.model_id, "rejected", decision).state


def explain(manifest: Manifest) -> str:
    """Say in one sentence what an encoder does for queries that it did not learn from."""
    if not manifest.parameters["share"]:
        return "nothing that was learned was better than the base on queries that chose"
    unseen = next((row for row in manifest.metrics if row.part == "unseen"), None)
    if unseen is None:
        return "no query was left to judge it on"
    moved = f"nDCG@10 {unseen.baseline:.3f} to {unseen.value:.3f}"
    return f"{moved} on {unseen.n} queries that it did not learn from"


def _fill(pair: TrainingPair, texts: Mapping[str, str]) -> TrainingPair:
    """Add the texts that are known of a pair."""
    named = list(pair.negatives) + [None] * (len(pair.negative_ids) - len(pair.negatives))
    for place, name in enumerate(pair.negative_ids):
        named[place] = named[place] or texts.get(name)
    positive = pair.positive or texts.get(pair.positive_id or "")
    return msgspec.structs.replace(pair, positive=positive, negatives=named)


def _describe(
    prepared: _Prepared, found: dict[str, Any], parameters: EncoderParameters, now: datetime
) -> Manifest:
    """Write the manifest."""
    lesson, task = prepared.lesson, prepared.task
    folder = Path(task.base_model)
    base = name_folder(folder) if folder.is_dir() else task.base_model
    name = "\x1f".join((lesson.retriever_id, base, lesson.digest, str(task.fit), str(now)))
    return Manifest(
        model_id=f"encoder-{hashlib.sha256(name.encode()).hexdigest()[:10]}",
        kind="encoder",
        retriever_id=lesson.retriever_id,
        base=base,
        created_at=now,
        code_version=__version__,
        dimension=found["dimension"],
        window=lesson.window,
        exports={"pairs": lesson.digest},
        seeds=[task.fit.seed],
        metrics=msgspec.convert(found["metrics"], list[Measured]),
        # Pairs do not tell who clicked, so it may have been anyone.
        shards=list(range(N_SHARDS)),
        parameters={
            HELD_OUT: True,
            "share": found["share"],
            "trials": found["trials"],
            "no_onnx": found["no_onnx"],
            "fit": msgspec.to_builtins(replace(task.fit, guide=_name_guide(task.fit.guide))),
            "n_pairs": len(task.examples.rows),
            "n_queries": len(task.examples.queries),
            "n_questions": {part: len(rows) for part, rows in task.exam.parts.items()},
            "n_documents": len(task.exam.documents),
            "is_split_by_time": parameters.pairs is None and lesson.window.end != now,
            "warnings": prepared.warnings,
        },
    )


def _name_guide(guide: str | None) -> str | None:
    """Name a guide without the path where it stands."""
    return Path(guide).name if guide and Path(guide).is_dir() else guide
