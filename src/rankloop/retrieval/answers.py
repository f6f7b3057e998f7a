"""What a pipeline answers: results, what was skipped and why, and where the time went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rankloop.stages.base import SeenFeatures


@dataclass(frozen=True, slots=True)
class Skipped:
    """A stage whose work is not, or not fully, in the answer.

    Attributes:
        stage: Its type, such as `vector_search`.
        index: Its place in the configured pipeline, from 0; -1 for a stage that was put in front
            because none was configured that finds documents.
        reason: Why: `late`, `failed`, `no_vector`, or the code of a typed error such as
            `unavailable`. Never text from inside.
    """

    stage: str
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one stage did to one result.

    Attributes:
        stage: The stage's type.
        index: Its place in the configured pipeline, from 0.
        position_before: Where the document stood, from 0; None where the stage brought it.
        position_after: Where it stood afterwards, from 0.
        score_before: Its score before; None where the stage brought it.
        score_after: Its score afterwards.
        notes: What the stage itself has to say, such as the counts behind a boost.
    """

    stage: str
    index: int
    position_before: int | None
    position_after: int
    score_before: float | None
    score_after: float
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """One document of a ranking.

    Attributes:
        document_id: The document.
        position: Where it stands, from 0, page offset included.
        score: What the pipeline gave it; comparable within one answer only.
        payload: Its fields.
        explain: What each stage did to it, in order; None where nobody asked.
    """

    document_id: str
    position: int
    score: float
    payload: Mapping[str, Any]
    explain: tuple[Step, ...] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One page of a ranking, and how it came about.

    Attributes:
        results: The page.
        total: Length of the whole ranking, of which the page is a part.
        skipped_stages: Stages whose work is missing, in the order they stand in.
        stage_ms: Milliseconds by stage, named `index:type`.
        embed_ms: Milliseconds spent on turning the query into a vector; None where nothing was.
        took_ms: Milliseconds from the start to the answer, the embedding included.
        seen: What a ranker saw of the results, in their order; None where none looked.
    """

    results: tuple[Result, ...]
    total: int
    skipped_stages: tuple[Skipped, ...]
    stage_ms: Mapping[str, float]
    embed_ms: float | None
    took_ms: float
    seen: SeenFeatures | None = None
