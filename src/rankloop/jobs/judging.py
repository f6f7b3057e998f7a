"""From a log, votes and files to judgments: each source graded, then merged by weight."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import NotEnoughDataError, SettingsError
from rankloop.tables.judgments import MAX_RELEVANCE, Judgment
from rankloop.training.funnel import FunnelWeights
from rankloop.training.judgments import (
    Graded,
    check_source_weights,
    grade_clicks,
    grade_votes,
    merge_judgments,
    to_grades,
)
from rankloop.training.knowledge import find_places
from rankloop.training.labels import LabelConfig, fit_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rankloop.catalog.judgments import JudgmentShelf, KeptJudgment
    from rankloop.jobs.learning_log import LearningLog, LogReader
    from rankloop.tables.windows import InsightsWindow
    from rankloop.training.judgments import Merged
    from rankloop.training.labels import Labels

RELEVANT: Final = 0.5
"""Relevance from which an imported judgment speaks for a document."""

IRRELEVANT: Final = 0.0
"""Relevance up to which it speaks against one."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The judgments of one retriever, and what they were made of."""

    retriever_id: str
    """Whose lists."""

    rows: list[Judgment]
    """By query key and document."""

    weights: dict[str, float]
    """What each step behind a click counted for, and each source."""

    propensities: str
    """How position was taken out: the method, or why it was not."""


class Judging:
    """Judgments of one installation.

    Args:
        reader: What reads logs.
        shelf: What was imported.
    """

    def __init__(self, reader: LogReader, shelf: JudgmentShelf) -> None:
        self._reader = reader
        self._shelf = shelf

    def judge(
        self,
        retriever_id: str | None,
        window: InsightsWindow,
        weights: Mapping[str, float],
        source_weights: Mapping[str, float],
    ) -> Judged:
        """Judge every pair that was shown, voted on or imported.

        Args:
            retriever_id: Whose lists; the only retriever when None.
            window: From when to when.
            weights: What each step behind a click counts for, by its name in `FunnelWeights`.
            source_weights: What each source counts for, 1 where it is not named.

        Raises:
            SettingsError: A weight is negative, not a number, or of something unknown.
            NotEnoughDataError: No source has anything to say.
        """
        steps = to_funnel_weights(weights)
        # Before anything is read: whatever the log says, these are wrong.
        check_source_weights(source_weights)
        kept = self._shelf.read()
        _check_names(source_weights, kept)
        log = self._reader.read(retriever_id, window)
        sources: dict[str, Graded] = {name: _grade_kept(rows) for name, rows in kept.items()}
        votes = grade_votes(log.cells.pairs, log.ups, log.downs)
        if votes.relevance.size:
            sources["votes"] = votes
        labels = self._label(log, LabelConfig(weights=steps), has_others=bool(sources))
        if labels is not None:
            sources["clicks"] = grade_clicks(labels)
        merged = merge_judgments(sources, source_weights)
        counted = {field.name: float(getattr(steps, field.name)) for field in fields(steps)}
        told = {f"source.{name}": source_weights.get(name, 1.0) for name in sorted(sources)}
        texts = {**self._shelf.read_queries(), **log.queries}
        return Judged(
            log.retriever_id,
            _write(merged, log.retriever_id, texts, labels),
            {**counted, **told},
            log.propensities.method if labels is not None else log.propensities.status,
        )

    def read_imported(self) -> tuple[list[KeptJudgment], dict[str, str]]:
        """Return what was imported, of every source, and the texts of its queries by key."""
        rows = [row for kept in self._shelf.read().values() for row in kept]
        return rows, self._shelf.read_queries()

    def find_opinions(self, log: LearningLog) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which pairs of a log are judged relevant by what was imported, and which irrelevant.

        Where sources differ, a pair is what most of them say.
        """
        balance = np.zeros(len(log.cells.pairs), dtype=np.int64)
        for rows in self._shelf.read().values():
            graded = _grade_kept(rows)
            places = find_places(log.cells.pairs, graded.query_key, graded.document_id)
            says = (graded.relevance >= RELEVANT).astype(np.int64)
            says -= graded.relevance <= IRRELEVANT
            np.add.at(balance, places[places >= 0], says[places >= 0])
        return balance > 0, balance < 0

    def _label(self, log: LearningLog, config: LabelConfig, *, has_others: bool) -> Labels | None:
        """Label pairs by clicks; None where that cannot be done and others speak."""
        if log.is_identified:
            examination = log.propensities.examination
            return fit_labels(log.cells, examination, config, counts=log.counts)
        if has_others:
            return None
        if not log.cells.n_clicks:
            raise NotEnoughDataError(
                "there are no clicks, votes or imported judgments to judge by",
                where="clicks",
                hint="Send searches with their results, and clicks with the `search_id`.",
            )
        raise NotEnoughDataError(
            "position cannot be taken out of these clicks: "
            "no document was clicked at several positions",
            where="propensities",
            hint="Swap neighbors in a small share of searches, or import judgments.",
        )


def to_funnel_weights(weights: Mapping[str, float]) -> FunnelWeights:
    """Name what each step counts for.

    Raises:
        SettingsError: A step is unknown, or a weight is negative or not a number.
    """
    known = [field.name for field in fields(FunnelWeights)]
    for name in weights:
        if name not in known:
            raise SettingsError(
                f"there is no step {name!r} behind a click",
                where=f"weights.{name}",
                hint=f"Known: {', '.join(known)}.",
            )
    return FunnelWeights(**weights)


def _check_names(weights: Mapping[str, float], imported: Mapping[str, object]) -> None:
    """Refuse the weight of a source that does not exist."""
    known = sorted({*imported, "clicks", "votes"})
    for name in weights:
        if name not in known:
            raise SettingsError(
                f"there are no judgments of {name!r}",
                where=f"source_weights.{name}",
                hint=f"Known: {', '.join(known)}.",
            )


def _grade_kept(rows: Sequence[KeptJudgment]) -> Graded:
    """Put imported judgments beside the others; they are evidence of their own throughout."""
    return Graded(
        np.array([row.query_key for row in rows], dtype=object),
        np.array([row.document_id for row in rows], dtype=object),
        np.array([row.relevance for row in rows], dtype=np.float64),
        np.ones(len(rows)),
    )


def _write(
    merged: Merged, retriever_id: str, texts: Mapping[str, str], labels: Labels | None
) -> list[Judgment]:
    """Write merged judgments as rows."""
    graded = merged.graded
    looks, clicks = np.zeros(graded.relevance.size), np.zeros(graded.relevance.size, np.int64)
    if labels is not None:
        places = find_places(labels.evidence.pairs, graded.query_key, graded.document_id)
        found = places >= 0
        looks[found] = labels.evidence.examinations[places[found]]
        clicks[found] = labels.evidence.clicks[places[found]]
    grades = to_grades(graded.relevance, MAX_RELEVANCE)
    return [
        Judgment(
            query=texts.get(str(graded.query_key[k]), ""),
            query_key=str(graded.query_key[k]),
            document_id=str(graded.document_id[k]),
            relevance=int(grades[k]),
            score=float(graded.relevance[k]),
            weight=float(graded.weight[k]),
            source=source,
            looks=float(looks[k]),
            clicks=int(clicks[k]),
            retriever_id=retriever_id,
        )
        for k, source in enumerate(merged.sources)
    ]
