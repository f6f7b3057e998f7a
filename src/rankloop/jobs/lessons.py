"""What a model is to learn: pairs that were sent, or that are mined out of the log once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from rankloop.errors import InputError
from rankloop.jobs.parameters import WindowParameters
from rankloop.models.manifest import DataWindow
from rankloop.tables.training_pairs import TrainingPair

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rankloop.jobs.context import JobContext
    from rankloop.jobs.learning_log import LogReader
    from rankloop.jobs.pairing import Pairing
    from rankloop.tables.windows import InsightsWindow


class LessonParameters(WindowParameters, frozen=True, kw_only=True):
    """What a job that learns from pairs can be told."""

    pairs: (
        Annotated[
            list[TrainingPair], Meta(description="What to learn; mined out of the log if absent.")
        ]
        | None
    ) = None
    min_interactions: Annotated[
        int, Meta(ge=1, description="Different people who clicked a mined positive.")
    ] = 2


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learned from.

    Attributes:
        retriever_id: Whose queries.
        pairs: What they teach.
        digest: SHA-256 of the pairs.
        window: From when to when people did what the pairs come from.
    """

    retriever_id: str
    pairs: list[TrainingPair]
    digest: str
    window: DataWindow


class LessonReader:
    """Reads lessons, after a crash the same ones.

    Args:
        reader: What names the only retriever.
        pairing: What mines pairs.
    """

    def __init__(self, reader: LogReader, pairing: Pairing) -> None:
        self._reader = reader
        self._pairing = pairing

    def read(
        self,
        context: JobContext,
        parameters: LessonParameters,
        window: InsightsWindow,
        now: datetime,
    ) -> Lesson:
        """Take the pairs that were sent, or mine those of a window.

        Args:
            context: Of the job; the pairs stand in its folder.
            parameters: What it was told.
            window: From when to when.
            now: Where an open window ends.

        Raises:
            InputError: The pairs belong to several retrievers, or the retriever is not known.
        """
        if parameters.pairs is None:
            context.report(0.02, "mine pairs")
            return self.mine(context, "pairs", parameters, window, now)
        # Where nobody says when they were clicked, it may have been until now.
        span = DataWindow(start=window.start, end=window.end or now)
        return _to_lesson(
            self.name_retriever(parameters), msgspec.json.encode(parameters.pairs), span
        )

    def mine(
        self,
        context: JobContext,
        name: str,
        parameters: LessonParameters,
        window: InsightsWindow,
        now: datetime,
    ) -> Lesson:
        """Mine the pairs of a window, once.

        Args:
            context: Of the job.
            name: Of the step and of the file.
            parameters: What the job was told.
            window: From when to when.
            now: Where an open window ends.
        """
        path = context.folder / f"{name}.json"

        def write() -> str:
            mined = self._pairing.mine(parameters.retriever_id, window, parameters.min_interactions)
            path.write_bytes(msgspec.json.encode(mined.rows))
            return mined.retriever_id

        retriever_id = context.step(f"mine {name}", write)
        span = DataWindow(start=window.start, end=window.end or now)
        return _to_lesson(retriever_id, path.read_bytes(), span)

    def name_retriever(self, parameters: LessonParameters) -> str:
        """Say whose pairs are learned from.

        Raises:
            InputError: The pairs belong to several retrievers, or the retriever is not known.
        """
        told = {pair.retriever_id for pair in parameters.pairs or () if pair.retriever_id}
        if parameters.retriever_id is not None:
            return parameters.retriever_id
        if len(told) > 1:
            raise InputError(
                f"the pairs belong to {len(told)} retrievers, a model to one",
                where="/pairs",
                hint=f"Name one: {', '.join(sorted(told)[:5])}.",
            )
        return told.pop() if told else self._reader.find_retriever(None)


def _to_lesson(retriever_id: str, content: bytes, window: DataWindow) -> Lesson:
    """Read pairs as they stand in a file."""
    pairs = msgspec.json.decode(content, type=list[TrainingPair])
    return Lesson(retriever_id, pairs, hashlib.sha256(content).hexdigest(), window)


def find_ids(pairs: Sequence[TrainingPair]) -> list[str]:
    """List the names of documents whose text the pairs lack, each once."""
    names: dict[str, None] = {}
    for pair in pairs:
        if pair.positive is None and pair.positive_id:
            names.setdefault(pair.positive_id)
        for place, name in enumerate(pair.negative_ids):
            if place >= len(pair.negatives) or pair.negatives[place] is None:
                names.setdefault(name)
    return list(names)
