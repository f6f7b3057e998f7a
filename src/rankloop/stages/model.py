"""The stage `model`: candidates in the order of a trained ranker, within what is proven.

Without a ranker the candidates pass as they are; what one would have seen of them is recorded all
the same, so that the first ranker learns from numbers that were seen in serving.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import numpy as np

from rankloop.counters.day_history import WantedHistory
from rankloop.models.feature_facts import QueryFacts
from rankloop.models.feature_learning import learn_features
from rankloop.models.features import compute_features
from rankloop.models.movement import limit_moves
from rankloop.stages.base import SeenFeatures
from rankloop.stages.document_facts import FactShelf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from rankloop.counters.day_histories import DayHistories
    from rankloop.indexing.base import DocumentIndex
    from rankloop.models.evidence import Evidence
    from rankloop.models.feature_spec import FeatureSpec
    from rankloop.stages.base import Candidates, Query

    Floats = NDArray[np.float64]

SAMPLE: Final = 256
"""Documents whose fields say what a ranker could see, as long as there is none."""

N_CONTRIBUTIONS: Final = 12
"""Features that an explanation names, those that moved the document most."""


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """No settings: which ranker serves is decided where models are promoted."""


class Ranker(Protocol):
    """What orders candidates; `models.ranker.Ranker` is one."""

    def score(self, features: Floats) -> Floats:
        """Return `[n]` scores of `[n, n_features]` features, finite, higher for better."""
        ...

    def contributions(self, features: Floats) -> Floats:
        """Return `[n, n_features + 1]`: what each feature adds to a score, and what all have."""
        ...


class _Reading:
    """A specification with the facts of documents that are read by it."""

    def __init__(self, index: DocumentIndex, spec: FeatureSpec) -> None:
        self.spec = spec
        self.shelf = FactShelf(index, spec)


class ModelStage:
    """Score candidates by their features, and move none further up than people's looks allow.

    How far a document may move up hangs on how often people looked at it before the day; see
    `models.movement`. Scores are those of the ranker, lowered where a limit put a document below
    one that the ranker likes less, so that they fall. Pinned documents stay.

    Args:
        index: The documents.
        histories: What people did up to the start of each day; None leaves it unknown.
        ranker: What scores; None lets candidates pass.
        spec: What the ranker sees; chosen by the documents' fields where there is no ranker.
    """

    def __init__(
        self,
        index: DocumentIndex,
        histories: DayHistories | None = None,
        ranker: Ranker | None = None,
        spec: FeatureSpec | None = None,
    ) -> None:
        self._index = index
        self._histories = histories
        self._ranker = ranker
        self._reading = None if spec is None else _Reading(index, spec)
        self._is_given = spec is not None
        self._learned_at = 0
        self._lock = threading.Lock()

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return the same documents, re-ordered; what was seen of them stands beside."""
        if not len(candidates):
            return candidates
        spec, features, evidence = self._look(query, candidates)
        seen = SeenFeatures(spec.names, candidates.document_ids, features)
        if self._ranker is None:
            return replace(candidates, seen=seen)
        n_pinned = candidates.pinned
        scores = self._ranker.score(features[n_pinned:])
        looks = np.zeros(len(candidates)) if evidence is None else evidence.document_looks
        order = limit_moves(scores, looks[n_pinned:])
        places = [*range(n_pinned), *(order + n_pinned).tolist()]
        falling = np.minimum.accumulate(scores[order])
        return replace(
            candidates,
            document_ids=tuple([candidates.document_ids[place] for place in places]),
            scores=np.concatenate([candidates.scores[:n_pinned], falling]),
            seen=seen,
        )

    def prepare(self, retriever_id: str, now: datetime, timeout_s: float) -> bool:
        """Have at hand what people did before a day; False where that takes too long.

        A request waits for a moment only, and goes without. Who ranks as of a day that has gone
        by waits here first.

        Args:
            retriever_id: Whose lists.
            now: The moment that will be ranked at, aware UTC.
            timeout_s: How long to wait, in seconds.
        """
        if self._histories is None:
            return True
        day = now.astimezone(UTC).date()
        wanted = WantedHistory.of(self._find_reading().spec, retriever_id, day)
        return self._histories.wait(wanted, timeout_s) is not None

    def notes_on(
        self, query: Query, before: Candidates, document_ids: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Say what was seen of documents, and what each feature added to their scores."""
        spec, features, _ = self._look(query, before)
        places = {name: place for place, name in enumerate(before.document_ids)}
        shown = [name for name in document_ids if name in places]
        rows = features[[places[name] for name in shown]]
        notes: dict[str, dict[str, Any]] = {
            name: {"features": _name_known(spec.names, row)}
            for name, row in zip(shown, rows, strict=True)
        }
        if self._ranker is not None and shown:
            for name, row in zip(shown, self._ranker.contributions(rows), strict=True):
                notes[name]["contributions"] = _name_strongest(spec.names, row[:-1])
                notes[name]["base"] = round(float(row[-1]), 4)
        return notes

    def _look(
        self, query: Query, candidates: Candidates
    ) -> tuple[FeatureSpec, Floats, Evidence | None]:
        """Compute the features of candidates, and return what people did before the day."""
        reading = self._find_reading()
        spec = reading.spec
        evidence = None
        if self._histories is not None:
            day = query.now.astimezone(UTC).date()
            history = self._histories.find(WantedHistory.of(spec, query.retriever_id, day))
            if history is not None:
                evidence = history.find(query.query_key, candidates.document_ids)
        facts = reading.shelf.find(candidates.document_ids, candidates.payloads)
        asked = QueryFacts.of(query.text, query.vector)
        return spec, compute_features(spec, asked, facts, candidates.scores, evidence), evidence

    def _find_reading(self) -> _Reading:
        """Return how documents are read; anew where there are twice as many changes as then."""
        reading, mark = self._reading, self._index.changes.mark
        if reading is not None and (self._is_given or mark < 2 * self._learned_at + SAMPLE):
            return reading
        with self._lock:
            if self._reading is reading:
                names = sorted(self._index.document_ids())
                sample = names[:: len(names) // SAMPLE + 1]
                payloads = [one.payload for one in self._index.documents(sample)]
                self._reading = _Reading(self._index, learn_features(payloads))
                self._learned_at = mark
            return self._reading or _Reading(self._index, learn_features([]))


def _name_known(names: Sequence[str], row: Floats) -> dict[str, float]:
    """Return the features that are known."""
    return {
        name: round(value, 4)
        for name, value in zip(names, row.tolist(), strict=True)
        if not np.isnan(value)
    }


def _name_strongest(names: Sequence[str], row: Floats) -> dict[str, float]:
    """Return what moved a score most, strongest first."""
    strongest = np.argsort(-np.abs(row), kind="stable")[:N_CONTRIBUTIONS]
    return {names[place]: round(float(row[place]), 4) for place in strongest if row[place]}
