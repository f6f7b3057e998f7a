"""One request on its way through the stages: its time, what was skipped, what each stage did."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from rankloop.errors import RankloopError
from rankloop.retrieval.answers import Skipped, Step
from rankloop.telemetry import log_event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rankloop.retrieval.parts import Parts
    from rankloop.retrieval.placing import StageSpec
    from rankloop.stages.base import Candidates, Query, Stage

T = TypeVar("T")

LATE: Final = "late"
"""The stage was not done when its time, or the request's, was up."""

FAILED: Final = "failed"
"""The stage raised something that nobody raises on purpose."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Placed:
    """A stage in its place, built."""

    spec: StageSpec
    stage: Stage


@dataclass(frozen=True, slots=True)
class Passage:
    """Candidates before and after one stage."""

    placed: Placed
    before: Candidates
    after: Candidates


class StageTimes:
    """How long work may take and took, and what was given up."""

    def __init__(self, parts: Parts, budget_s: float) -> None:
        self._parts = parts
        self._began = time.perf_counter()
        self._ends = self._began + budget_s
        self.skipped: list[Skipped] = []
        self.stage_ms: dict[str, float] = {}

    @property
    def left_s(self) -> float:
        """Seconds left for the request; below 0 once it is late."""
        return self._ends - time.perf_counter()

    @property
    def took_ms(self) -> float:
        """Milliseconds since the request began."""
        return (time.perf_counter() - self._began) * 1e3

    def attempt(self, spec: StageSpec, work: Callable[[], T]) -> T | None:
        """Do a stage's work within its time; None where it is given up.

        A stage that may wait for another machine works in a thread and is left behind when its
        time is up. Another works here; if it is late, what it did is dropped, unless it found
        documents or is a hard rule: nothing would be won by an empty or a forbidden answer.
        """
        budget_s = min(spec.budget_s, self.left_s)
        began = time.perf_counter()
        try:
            if budget_s <= 0:
                raise TimeoutError
            done = self.wait(work, budget_s) if spec.kind.blocks else work()
            if done is None:
                raise TypeError("nothing came back")
            is_late = time.perf_counter() - began > budget_s
            if is_late and not (spec.kind.finds or spec.kind.is_rule):
                raise TimeoutError
        except Exception as error:  # noqa: BLE001 a search never fails because a stage does
            self.skip(spec, to_reason(error))
            log_event(log, "stage_skipped", stage=spec.type, error=type(error).__name__)
            return None
        finally:
            self._note_time(spec, time.perf_counter() - began)
        return done

    def wait(self, work: Callable[[], T], budget_s: float) -> T:
        """Do work in a thread, and leave it behind when the time is up.

        Raises:
            TimeoutError: The time is up.
        """
        future = self._parts.workers.submit(work)
        try:
            return future.result(timeout=budget_s)
        except TimeoutError:
            future.cancel()
            raise

    def skip(self, spec: StageSpec, reason: str) -> None:
        """Remember that a stage's work is missing, and count it."""
        self.skipped.append(Skipped(spec.type, spec.index, reason))
        self._parts.metrics.counter(
            "rankloop_retrieval_skipped_stages_total",
            "Stages whose work was missing from an answer, by stage and reason.",
        ).add(stage=spec.type, reason=reason)

    def _note_time(self, spec: StageSpec, seconds: float) -> None:
        """Remember how long a stage took."""
        name = f"{spec.index}:{spec.type}"
        self.stage_ms[name] = self.stage_ms.get(name, 0.0) + seconds * 1e3
        self._parts.metrics.histogram(
            "rankloop_retrieval_stage_seconds", "How long stages took."
        ).observe(seconds, stage=spec.type)


def work_soundly(placed: Placed, query: Query, candidates: Candidates) -> Candidates:
    """Run a stage and check what it hands on, so that no stage can break those behind it.

    Raises:
        ValueError: Scores are missing or not finite, a document stands twice, or a stage that only
            orders brought one that was not there.
    """
    after = placed.stage(query, candidates)
    names = set(after.document_ids)
    if len(names) != len(after) or after.scores.shape != (len(after),):
        raise ValueError("not one score for each document")
    if not np.isfinite(after.scores).all():
        raise ValueError("a score is not finite")
    kind = placed.spec.kind
    if not (kind.finds or kind.is_rule) and not names <= set(candidates.document_ids):
        raise ValueError("a document was invented")
    return after


def to_reason(error: Exception) -> str:
    """Name why a stage was given up, without a word of the error's own.

    Example:
        >>> from rankloop.errors import UnavailableError
        >>> to_reason(TimeoutError()), to_reason(UnavailableError("x")), to_reason(KeyError("x"))
        ('late', 'unavailable', 'failed')
    """
    if isinstance(error, TimeoutError):
        return LATE
    return error.code if isinstance(error, RankloopError) else FAILED


def explain_results(
    query: Query, passages: Sequence[Passage], document_ids: Sequence[str]
) -> dict[str, tuple[Step, ...]]:
    """Say for each document what each stage did to it."""
    steps: dict[str, list[Step]] = {document_id: [] for document_id in document_ids}
    for passage in passages:
        before = _places(passage.before)
        after = _places(passage.after)
        notes = _ask_for_notes(query, passage, document_ids)
        for document_id in document_ids:
            if document_id not in after:
                continue
            position, score = before.get(document_id, (None, None))
            step = Step(
                passage.placed.spec.type,
                passage.placed.spec.index,
                position,
                after[document_id][0],
                score,
                after[document_id][1],
                notes.get(document_id, {}),
            )
            steps[document_id].append(step)
    return {document_id: tuple(steps[document_id]) for document_id in document_ids}


def _places(candidates: Candidates) -> dict[str, tuple[int, float]]:
    """Tell where each document stands and what it scores."""
    scores = candidates.scores.tolist()
    return {
        document_id: (position, scores[position])
        for position, document_id in enumerate(candidates.document_ids)
    }


def _ask_for_notes(
    query: Query, passage: Passage, document_ids: Sequence[str]
) -> Mapping[str, Mapping[str, Any]]:
    """Ask a stage what it has to say about documents; nothing where it has nothing or fails.

    A stage has `notes(query, document_ids)`, or `notes_on(query, candidates, document_ids)` where
    what it did hangs on what it was given.
    """
    stage = passage.placed.stage
    ask, ask_on = getattr(stage, "notes", None), getattr(stage, "notes_on", None)
    notes: Mapping[str, Mapping[str, Any]] = {}
    try:
        if ask_on is not None:
            notes = ask_on(query, passage.before, document_ids)
        elif ask is not None:
            notes = ask(query, document_ids)
    except Exception as error:  # noqa: BLE001 an explanation never fails a search
        log_event(log, "notes_failed", error=type(error).__name__)
        return {}
    return notes
