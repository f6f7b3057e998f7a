"""Guards: what keeps documents that do serve a query from being taught as negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rankloop.errors import SettingsError
from rankloop.training.evidence import collect_evidence
from rankloop.training.knowledge import number_documents
from rankloop.training.likeness import compare_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells, Pairs
    from rankloop.training.knowledge import Knowledge
    from rankloop.training.sieves import Sieve


@dataclass(frozen=True, slots=True)
class GuardConfig:
    """Settings of the guards."""

    max_similarity: float = 0.95
    """Cosine above which two queries, or two documents, count as the same, in (0, 1]."""

    score_margin: float = 0.05
    """A negative's score must be so much, relatively, below the query's least positive's."""

    def __post_init__(self) -> None:
        if not 0 < self.max_similarity <= 1:
            raise SettingsError("max_similarity must be above 0, at most 1", where="max_similarity")
        if not 0 <= self.score_margin < 1:
            raise SettingsError("score_margin must be 0 or more, below 1", where="score_margin")


def guard_negatives(
    sieve: Sieve,
    positives: NDArray[np.bool_],
    pairs: Pairs,
    knowledge: Knowledge,
    config: GuardConfig,
) -> None:
    """Take away negatives that other knowledge speaks for.

    Args:
        sieve: Candidates for negatives.
        positives: `[n_pairs]` bool.
        pairs: What the candidates number.
        knowledge: What is known beside the clicks.
        config: Settings.

    Source:
        The margin: Moreira et al., "NV-Retriever: Improving text embedding models with effective
        hard-negative mining", 2024 (TopK-PercPos).
    """
    if knowledge.is_clicked_elsewhere is not None:
        sieve.remove("clicked_elsewhere", knowledge.is_clicked_elsewhere)
    if knowledge.is_liked is not None:
        sieve.remove("liked", knowledge.is_liked)
    document, _ = number_documents(pairs)
    positive = np.flatnonzero(positives)
    candidate = np.flatnonzero(sieve.left)
    left, right = _match(document, candidate, positive)
    is_same = _is_same_query(pairs.query[left], pairs.query[right], knowledge, config)
    sieve.remove("positive_of_similar_query", _mark(left[is_same], positives.size))
    candidate = np.flatnonzero(sieve.left)
    left, right = _match(pairs.query, candidate, positive)
    is_same = is_same_document(document[left], document[right], knowledge, config)
    sieve.remove("similar_to_positive", _mark(left[is_same], positives.size))
    if knowledge.scores is not None:
        low, high = knowledge.scores[left], knowledge.scores[right]
        # Relative to the size of the score, so that negative scores have a margin too.
        is_close = low > high - config.score_margin * np.abs(high)
        sieve.remove("score_margin", _mark(left[is_close], positives.size))


def find_late_clicks(
    cells: Cells, examination: NDArray[np.float64], bar: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Say which pairs were clicked in the last week they were shown as negatives are not.

    Over a whole window a document that has become relevant still looks irrelevant.

    Args:
        cells: The log, by week.
        examination: `[n_positions]` float64.
        bar: `[n_pairs]` float64, attraction that a negative must stay below.

    Returns:
        `[n_pairs]` bool.
    """
    last = np.zeros(len(cells.pairs), dtype=cells.week.dtype)
    np.maximum.at(last, cells.pair, cells.week)
    recent = collect_evidence(cells.select(cells.week == last[cells.pair]), examination)
    clicked = recent.clicks > 0
    late: NDArray[np.bool_] = clicked & (recent.clicks >= bar * recent.examinations)
    return late


def _match(
    key: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every combination of places that have the same key."""
    right = right[np.argsort(key[right], kind="stable")]
    first = np.searchsorted(key[right], key[left], "left")
    counts = np.searchsorted(key[right], key[left], "right") - first
    starts = np.repeat(first - (np.cumsum(counts) - counts), counts)
    return np.repeat(left, counts), right[starts + np.arange(counts.sum())]


def _is_same_query(
    one: NDArray[np.int64], other: NDArray[np.int64], knowledge: Knowledge, config: GuardConfig
) -> NDArray[np.bool_]:
    """Say which queries mean the same, by group or by vector."""
    same = np.zeros(one.size, dtype=bool)
    if knowledge.query_groups is not None:
        same |= _is_equal(knowledge.query_groups[one], knowledge.query_groups[other])
    if knowledge.query_vectors is not None:
        same |= _compare(knowledge.query_vectors, one, other) > config.max_similarity
    return same


def is_same_document(
    one: NDArray[np.int64], other: NDArray[np.int64], knowledge: Knowledge, config: GuardConfig
) -> NDArray[np.bool_]:
    """Say which documents are the same thing, by group or by vector.

    Args:
        one: `[n]` int64, documents by `number_documents`.
        other: `[n]` int64, what each is compared with.
        knowledge: Groups and vectors.
        config: From where vectors count as the same.

    Returns:
        `[n]` bool.
    """
    same: NDArray[np.bool_] = one == other
    if knowledge.document_groups is not None:
        same |= _is_equal(knowledge.document_groups[one], knowledge.document_groups[other])
    if knowledge.document_vectors is not None:
        same |= _compare(knowledge.document_vectors, one, other) > config.max_similarity
    return same


def _is_equal(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which groups are equal; none has -1."""
    equal: NDArray[np.bool_] = (one == other) & (one >= 0)
    return equal


def _compare(
    vectors: NDArray[np.floating[Any]], one: NDArray[np.int64], other: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the cosine between rows of one table; NaN where a vector is absent or zero."""
    return compare_rows(vectors, one, vectors, other)


def _mark(places: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """Return True at places."""
    marks = np.zeros(size, dtype=bool)
    marks[places] = True
    return marks
