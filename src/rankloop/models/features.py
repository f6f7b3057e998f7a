"""The features of candidates: one definition, for training and for serving.

Nothing here knows where facts come from. Serving hands in what it has in memory, training what the
log says of the day; both get the same number for the same fact, and NaN where a fact is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rankloop.models.feature_facts import split_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.models.evidence import Evidence
    from rankloop.models.feature_facts import DocumentFacts, QueryFacts
    from rankloop.models.feature_spec import FeatureSpec

    Floats = NDArray[np.float64]


def compute_features(
    spec: FeatureSpec,
    query: QueryFacts,
    documents: Sequence[DocumentFacts],
    scores: Floats,
    evidence: Evidence | None = None,
) -> Floats:
    """Turn the candidates of one query into numbers.

    Args:
        spec: Which features; `spec.names` are the columns.
        query: What was asked.
        documents: What is known of each candidate, read by the same specification.
        scores: `[n]` or `[n, 3]`: the scores that were handed in, or the three features that are
            made of them where only those are on record.
        evidence: What people did before the day; None where nobody can tell.

    Returns:
        `[n, n_features]` float64, NaN where unknown.

    Example:
        >>> from rankloop.models.feature_facts import QueryFacts, read_document
        >>> from rankloop.models.feature_spec import FeatureSpec
        >>> spec = FeatureSpec(texts=("color",))
        >>> kettle = read_document(spec, "a kettle of steel", {"color": "blue"})
        >>> made = compute_features(spec, QueryFacts.of("blue kettle"), [kettle], np.ones(1))
        >>> dict(zip(spec.names, made[0].tolist()))["match.color"]
        1.0
    """
    n = len(documents)
    if not n:
        return np.empty((0, len(spec.names)))
    found, matched = _compare_words(query, documents)
    # In the order of `spec.names`.
    return np.column_stack(
        [
            scores if scores.ndim == 2 else to_score_features(scores),
            np.full(n, float(query.words.size)),
            found[:, 0],
            _find_cosines(query, documents),
            _to_history_features(spec, evidence, n),
            np.stack([found[:, 1:], matched[:, 1:]], axis=2).reshape(n, -1),
            _lay([one.values for one in documents]),
        ]
    )


def to_score_features(scores: Floats) -> Floats:
    """Return a list's scores, how far each is behind the best, and its share of the best.

    Args:
        scores: `[n]`, n at least 1.

    Returns:
        `[n, 3]`; the share is NaN where the best is not above 0.

    Example:
        >>> to_score_features(np.array([4.0, 1.0])).tolist()
        [[4.0, 0.0, 1.0], [1.0, 3.0, 0.25]]
    """
    best = float(scores.max())
    ratio = scores / best if best > 0 else np.full(scores.shape, np.nan)
    return np.stack([scores, best - scores, ratio], axis=1)


def _to_history_features(spec: FeatureSpec, evidence: Evidence | None, n: int) -> Floats:
    """Return rates and logarithms of looks, `[n, 4]`."""
    if evidence is None:
        return np.full((n, 4), np.nan)
    return np.column_stack(
        [
            evidence.rate_documents(spec.prior_looks),
            np.log1p(evidence.document_looks),
            evidence.rate_pairs(spec.prior_looks),
            np.log1p(evidence.pair_looks),
        ]
    )


def _lay(rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Lay rows of one length below each other; a third of what `np.stack` takes."""
    return np.concatenate(rows).reshape(len(rows), -1)


def _find_cosines(query: QueryFacts, documents: Sequence[DocumentFacts]) -> Floats:
    """Compare the query's vector with those of the documents that have one as long."""
    cosines = np.full(len(documents), np.nan)
    if query.vector is None:
        return cosines
    shape = query.vector.shape
    places, vectors = [], []
    for place, one in enumerate(documents):
        if one.vector is not None and one.vector.shape == shape:
            places.append(place)
            vectors.append(one.vector)
    if places:
        cosines[places] = _lay(vectors) @ query.vector
    return cosines


def _compare_words(query: QueryFacts, documents: Sequence[DocumentFacts]) -> tuple[Floats, Floats]:
    """Count the words that the query shares with each text.

    Returns:
        `[n, 1 + n_texts]` each: which share of the query's words the text has, and which share of
        the text's words the query has. Both are NaN where there is no text; the first is where
        the query has no words.
    """
    sizes = [one.words.size for one in documents]
    slots, words = split_words(np.concatenate([one.words for one in documents]))
    n_words = _lay([one.n_words for one in documents])
    n_slots = n_words.shape[1]
    cells = np.repeat(np.arange(len(documents)) * n_slots, sizes) + slots
    shared = np.bincount(cells[np.isin(words, query.words)], minlength=n_words.size)
    counted = shared.reshape(n_words.shape).astype(np.float64)
    is_known = ~np.isnan(n_words)
    n_asked = query.words.size or np.nan
    return np.where(is_known, counted / n_asked, np.nan), counted / n_words
