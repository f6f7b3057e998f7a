"""From a log to training pairs: read, estimate, label, mine, and say what became of the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from rankloop.attribution.base import RULES_VERSION
from rankloop.errors import InputError
from rankloop.events.queries import NORMALIZATION_VERSION
from rankloop.jobs.meanings import Meanings
from rankloop.tables.pairs import Pair, QueryDocumentPairs, Yield
from rankloop.tables.windows import InsightsWindow
from rankloop.training.knowledge import Knowledge, find_places
from rankloop.training.labels import LabelConfig, fit_labels
from rankloop.training.pairs import PairConfig, mine_pairs
from rankloop.training.uncorrected import DEFAULT_STRENGTH, find_uncorrected, weigh_actions
from rankloop.training.yields import choose_advice, find_needs
from rankloop.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.jobs.learning_log import LearningLog, LogReader
    from rankloop.tables.pairs import Evidence, Removal


TextSource = Callable[[str, Sequence[str]], Mapping[str, str]]
"""From a retriever and document ids to the texts of those documents that an index holds."""

Opinions = Callable[["LearningLog"], tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]]
"""From a log to which of its pairs are judged relevant elsewhere, and which irrelevant."""

MeaningSource = Callable[["LearningLog"], Meanings]
"""From a log to what an index says of its documents and queries."""


@dataclass(frozen=True, slots=True)
class PairingConfig:
    """Settings of the way from a log to pairs."""

    labels: LabelConfig = field(default_factory=LabelConfig)
    """How pairs are judged."""

    pairs: PairConfig = field(default_factory=PairConfig)
    """How they are mined."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A pair before its texts are looked up."""

    query_key: str
    positive_id: str
    weight: float
    evidence: Evidence
    hard: list[str] = field(default_factory=list)
    random: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Found:
    """Pairs of one kind, and what took the others away."""

    drafts: list[_Draft]
    removals: list[Removal]
    negative_removals: list[Removal]
    n_hard: int
    strength: float
    guards: list[str] = field(default_factory=list)
    model_id: str | None = None


class Pairing:
    """Training pairs of one installation.

    Args:
        reader: What reads logs.
        texts: What holds the texts of documents.
        opinions: What else is known about relevance.
        meanings: What is known of documents and queries; nothing when left out.
        config: Settings.
    """

    def __init__(
        self,
        reader: LogReader,
        texts: TextSource,
        opinions: Opinions,
        meanings: MeaningSource | None = None,
        config: PairingConfig | None = None,
    ) -> None:
        self._reader = reader
        self._texts = texts
        self._opinions = opinions
        self._meanings = meanings or (lambda _log: Meanings())
        self._config = config or PairingConfig()

    def mine(
        self,
        retriever_id: str | None = None,
        window: InsightsWindow | None = None,
        min_interactions: int = 2,
    ) -> QueryDocumentPairs:
        """Mine the training pairs of a retriever.

        Where position can be taken out, positives are surely better than their surroundings and
        have hard negatives. Where it cannot, and for actions outside of any list on record,
        positives are what enough people acted on, `uncorrected` and without hard negatives.

        Args:
            retriever_id: Whose lists; the only retriever when left out.
            window: From when to when; everything when left out.
            min_interactions: Distinct people who clicked a positive, 1 or more.

        Raises:
            InputError: The retriever is left out and not the only one, or the number is below 1.
        """
        if min_interactions < 1:
            raise InputError(
                f"min_interactions is {min_interactions}, 1 or more is needed",
                where="/min_interactions",
            )
        window = window or InsightsWindow()
        log = self._reader.read(retriever_id, window)
        shown = self._mine_shown(log, min_interactions)
        orphans = self._find_orphans(log, min_interactions, shown)
        drafts = sorted([*shown.drafts, *orphans], key=lambda one: (one.query_key, one.positive_id))
        rows = self._write(log, drafts)
        return QueryDocumentPairs(
            retriever_id=log.retriever_id,
            window=window,
            min_interactions=min_interactions,
            rows=rows,
            yields=_report(log, drafts, rows, shown),
            versions={
                "rankloop": __version__,
                "query_normalization": NORMALIZATION_VERSION,
                "attribution_rules": str(RULES_VERSION),
                "propensities": log.propensities.method,
                **({"embedder": shown.model_id} if shown.model_id else {}),
            },
        )

    def _mine_shown(self, log: LearningLog, min_people: int) -> _Found:
        """Mine the documents that lists on record have shown."""
        meanings = self._meanings(log) if log.is_identified else Meanings()
        knowledge = self._know(log, meanings)
        if not log.is_identified:
            return _mine_uncorrected(log, min_people, knowledge.is_disliked)
        pairs = self._config.pairs
        labels = fit_labels(
            log.cells, log.propensities.examination, self._config.labels, counts=log.counts
        )
        mined = mine_pairs(
            log.cells,
            log.propensities.examination,
            labels,
            knowledge,
            replace(pairs, positives=replace(pairs.positives, min_people=min_people)),
        )
        acted = set(zip(log.orphans.query_key, log.orphans.document_id, strict=True))
        keys, names = _name(log, mined.positive)
        drafts = [
            _Draft(
                key,
                name,
                weight,
                "corrected",
                hard,
                [other for other in drawn if (key, other) not in acted],
            )
            for key, name, weight, hard, drawn in zip(
                keys, names, mined.weight.tolist(), mined.hard, mined.random, strict=True
            )
        ]
        return _Found(
            drafts,
            mined.positive_removals,
            mined.negative_removals,
            mined.n_hard,
            labels.strength,
            meanings.guards,
            meanings.model_id,
        )

    def _know(self, log: LearningLog, meanings: Meanings) -> Knowledge:
        """Gather what guards go by."""
        judged, misjudged = self._opinions(log)
        is_liked = (log.is_liked | judged) & ~misjudged
        elsewhere = log.is_clicked_later.copy()
        places = find_places(log.cells.pairs, log.orphans.query_key, log.orphans.document_id)
        elsewhere[places[places >= 0]] = True
        return Knowledge(
            people=log.people,
            is_liked=is_liked,
            is_disliked=(log.is_disliked | misjudged) & ~is_liked,
            is_clicked_elsewhere=elsewhere,
            query_groups=log.group_queries(),
            query_vectors=meanings.query_vectors,
            document_groups=meanings.document_groups,
            document_vectors=meanings.document_vectors,
            scores=meanings.scores,
        )

    def _find_orphans(self, log: LearningLog, min_people: int, shown: _Found) -> list[_Draft]:
        """Find positives that no list on record has shown often enough to judge them."""
        orphans = log.orphans
        places = find_places(log.cells.pairs, orphans.query_key, orphans.document_id)
        looked_at = np.bincount(log.cells.pair, log.cells.n, len(log.cells.pairs) + 1)
        # A pair that lists have shown is judged by them.
        is_judged = looked_at[places] >= self._config.pairs.negatives.min_looks
        taken = {(one.query_key, one.positive_id) for one in shown.drafts}
        sieve = find_uncorrected(orphans.people, min_people, is_judged)
        weight = weigh_actions(orphans.count, shown.strength)
        return [
            draft
            for k in np.flatnonzero(sieve.left)
            if (
                draft := _Draft(
                    str(orphans.query_key[k]),
                    str(orphans.document_id[k]),
                    float(weight[k]),
                    "uncorrected",
                )
            )
            and (draft.query_key, draft.positive_id) not in taken
        ]

    def _write(self, log: LearningLog, drafts: Sequence[_Draft]) -> list[Pair]:
        """Look texts up; a query without one cannot be taught."""
        wanted = sorted(
            {name for one in drafts for name in (one.positive_id, *one.hard, *one.random)}
        )
        texts = self._texts(log.retriever_id, wanted)
        return [
            Pair(
                query=log.queries[one.query_key],
                positive_id=one.positive_id,
                positive=texts.get(one.positive_id),
                negative_ids=[*one.hard, *one.random],
                negatives=[texts.get(name) for name in (*one.hard, *one.random)],
                weight=one.weight,
                evidence=one.evidence,
                retriever_id=log.retriever_id,
            )
            for one in drafts
            if one.query_key in log.queries
        ]


def _mine_uncorrected(
    log: LearningLog, min_people: int, is_disliked: NDArray[np.bool_] | None
) -> _Found:
    """Take what enough people clicked, where position cannot be taken out."""
    sieve = find_uncorrected(log.people, min_people, is_disliked)
    places = np.flatnonzero(sieve.left)
    weight = weigh_actions(log.counts.clicks)[places].tolist()
    keys, names = _name(log, places)
    drafts = [
        _Draft(key, name, each, "uncorrected")
        for key, name, each in zip(keys, names, weight, strict=True)
    ]
    return _Found(drafts, sieve.removals, [], 0, DEFAULT_STRENGTH)


def _name(log: LearningLog, places: NDArray[np.int64]) -> tuple[list[str], list[str]]:
    """Return the query keys and document ids of pairs."""
    pairs = log.cells.pairs
    keys = pairs.query_keys[pairs.query[places]]
    return [str(key) for key in keys], [str(name) for name in pairs.document_ids[places]]


def _report(
    log: LearningLog, drafts: Sequence[_Draft], rows: Sequence[Pair], shown: _Found
) -> Yield:
    """Say what became of the candidates."""
    n_queries = len({one.query_key for one in drafts})
    clicked = np.bincount(log.cells.pair, log.cells.clicks, len(log.cells.pairs)) > 0
    return Yield(
        shown=len(log.cells.pairs) + log.orphans.people.size,
        clicked=int(clicked.sum()) + log.orphans.people.size,
        positives=len(rows),
        uncorrected=sum(row.evidence == "uncorrected" for row in rows),
        hard_negatives=shown.n_hard,
        random_negatives=sum(len(one.random) for one in drafts),
        queries=n_queries,
        positive_removals=shown.removals,
        negative_removals=shown.negative_removals,
        needs=find_needs(n_queries, len(rows), log.n_searches),
        advice=choose_advice(n_queries, len(rows)),
        propensities=log.propensities.status,
        clustered_by=log.clustered_by,
        missing=_find_missing(log, rows),
        guards=shown.guards,
    )


def _find_missing(log: LearningLog, rows: Sequence[Pair]) -> list[str]:
    """Name what the log lacks for more or better pairs."""
    has_clicks = bool(log.cells.n_clicks)
    lacks = {
        "searches": not len(log.cells),
        "clicks": not has_clicks and not log.orphans.people.size,
        "propensities": has_clicks and not log.is_identified,
        "texts": any(row.positive is None for row in rows),
    }
    return [name for name, is_lacking in lacks.items() if is_lacking]
