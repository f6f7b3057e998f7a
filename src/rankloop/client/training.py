"""Training: models out of pairs, waited for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TextIO

import msgspec

from rankloop.errors import InputError
from rankloop.tables.fine_tuned import FineTuned
from rankloop.tables.manifests import State
from rankloop.tables.pairs import QueryDocumentPairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.client.jobs import AsyncJobs, Jobs
    from rankloop.tables.jobs import Job

Way = Literal["adapter", "encoder"]
"""A step that queries take, documents staying as they are; or the whole model."""

TrainingData = QueryDocumentPairs | Iterable[Any] | None

_FIELDS: Final = frozenset(
    {
        "query",
        "positive_id",
        "positive",
        "negative_ids",
        "negatives",
        "weight",
        "evidence",
        "retriever_id",
    }
)
_OTHER_NAMES: Final = {"anchor": "query", "pos": "positive"}
_BAR_CELLS: Final = 24


def choose_way(base_model: str) -> Way:
    """Choose how a model is trained: whole where its weights can be had, else by an adapter.

    Example:
        >>> choose_way("text-embedding-3-small"), choose_way("BAAI/bge-small-en-v1.5")
        ('adapter', 'encoder')
    """
    return "encoder" if "/" in base_model or os.path.isdir(base_model) else "adapter"


def read_rows(data: TrainingData) -> list[dict[str, Any]] | None:
    """Read pairs from whatever holds them.

    Args:
        data: What `get_query_document_pairs` returned; rows with `query` and `positive_id` or
            `positive`, as objects, dicts or a table of `datasets`, Arrow or pandas; triplets with
            `anchor`, `positive` and `negative`. None has the server mine its log.

    Raises:
        InputError: A row is none.

    Example:
        >>> read_rows([{"anchor": "blue shoes", "positive": "Suede shoes", "negative": "Hat"}])
        [{'query': 'blue shoes', 'positive': 'Suede shoes', 'negatives': ['Hat']}]
    """
    if data is None:
        return None
    source: Any = data
    if hasattr(source, "to_pylist"):
        source = source.to_pylist()
    elif hasattr(source, "to_dict") and hasattr(source, "columns"):
        source = source.to_dict("records")
    return [_read_row(row, place) for place, row in enumerate(source)]


def _read_row(row: object, place: int) -> dict[str, Any]:
    """Read one pair."""
    given = msgspec.to_builtins(row) if isinstance(row, msgspec.Struct) else row
    if not isinstance(given, Mapping):
        raise InputError(
            f"row {place} of the training data is {type(row).__name__}, a pair is needed",
            where="training_data",
            hint="Give what get_query_document_pairs returns, or dicts with query and positive.",
        )
    named = {_OTHER_NAMES.get(name, name): value for name, value in given.items()}
    negative = named.pop("negative", None)
    if negative is not None:
        named["negatives"] = [negative] if isinstance(negative, str) else list(negative)
    return {name: value for name, value in named.items() if name in _FIELDS and value is not None}


class Training:
    """Training: `loop.training`."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def fine_tune(
        self,
        base_model: str | None = None,
        training_data: TrainingData = None,
        *,
        way: Way | None = None,
        admit: bool = False,
        on_progress: Callable[[Job], object] | None = None,
        **options: Any,  # noqa: ANN401 as the job takes them
    ) -> FineTuned:
        """Train a model on what people did, and wait for it, with a bar on a terminal.

        A local folder or a hub model (`owner/name`) is fine-tuned whole. Any other name is a model
        behind an endpoint, whose queries are moved by an adapter while its documents stay as they
        are. The endpoint is that of the retriever, or of the settings `[embedders.NAME]`.

        Args:
            base_model: The model to start from; what fills the retriever's index when left out.
            training_data: Pairs; mined out of the log when left out.
            way: `adapter` or `encoder`, where the name does not say it.
            admit: Whether the gate then decides: it promotes the model where clicks that it did not
                learn from say that it ranks better, and rejects it where they do not.
            on_progress: Called with the job at every look, in place of the bar.
            **options: What else the job is told: `retriever_id`, `days`, `seed` and others.

        Returns:
            The model's name, whether it serves, and what it does; an error in its place where it
            could not be trained.

        Raises:
            NotEnoughDataError: There is too little to learn from; the hint says what would do.
            ConflictError: The index holds vectors of another model.
            SettingsError: No endpoint is known that has the model.
            UnavailableError: The endpoint does not answer; another try goes on where it stopped.
        """
        kind, told = _to_job(base_model, training_data, way)
        job = self._jobs.start(kind, **{**told, **options})
        with _Bar(sys.stderr) as bar:
            model = _read(self._jobs.wait(job.job_id, on_progress or bar.show))
            if admit and model.is_better:
                job = self._jobs.start("evaluate", model_id=model.model_id, admit=True)
                model = _judge(model, self._jobs.wait(job.job_id, on_progress or bar.show))
            return model


class AsyncTraining:
    """The same for asynchronous code; see `Training`."""

    def __init__(self, jobs: AsyncJobs) -> None:
        self._jobs = jobs

    async def fine_tune(
        self,
        base_model: str | None = None,
        training_data: TrainingData = None,
        *,
        way: Way | None = None,
        admit: bool = False,
        on_progress: Callable[[Job], object] | None = None,
        **options: Any,  # noqa: ANN401 as the job takes them
    ) -> FineTuned:
        """Train a model on what people did, and wait for it; no bar is shown."""
        kind, told = _to_job(base_model, training_data, way)
        job = await self._jobs.start(kind, **{**told, **options})
        model = _read(await self._jobs.wait(job.job_id, on_progress))
        if admit and model.is_better:
            job = await self._jobs.start("evaluate", model_id=model.model_id, admit=True)
            model = _judge(model, await self._jobs.wait(job.job_id, on_progress))
        return model


def _to_job(
    base_model: str | None, data: TrainingData, way: Way | None
) -> tuple[str, dict[str, Any]]:
    """Return the kind of the job, and what it is told."""
    chosen = way or ("adapter" if base_model is None else choose_way(base_model))
    told: dict[str, Any] = {"base_model": base_model, "pairs": read_rows(data)}
    if isinstance(data, QueryDocumentPairs):
        # The gate judges on days that the pairs do not come from.
        told |= {"start": data.window.start, "end": data.window.end}
    return f"train_{chosen}", told


def _read(job: Job) -> FineTuned:
    """Return what a job found, or raise what it failed with."""
    job.check_done()
    return msgspec.convert(job.result, FineTuned)


def _judge(model: FineTuned, job: Job) -> FineTuned:
    """Return a model as the gate left it."""
    job.check_done()
    verdict = msgspec.convert(job.result, _Verdict)
    return msgspec.structs.replace(
        model,
        decision=verdict.outcome,
        why=verdict.why,
        details={**model.details, "evidence": verdict.evidence},
    )


class _Verdict(msgspec.Struct, frozen=True):
    """What the gate says."""

    outcome: State
    why: str
    evidence: dict[str, Any]


class _Bar:
    """A bar on a terminal; nothing where standard error is none."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_shown = stream.isatty()
        self._width = 0

    def show(self, job: Job) -> None:
        """Draw how far a job is over what was drawn before."""
        if not self._is_shown:
            return
        share = job.progress.share
        done = round(share * _BAR_CELLS)
        bar = "█" * done + "░" * (_BAR_CELLS - done)
        line = f"{job.kind} {bar} {share:4.0%} {job.progress.message or job.state}"
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
