"""What the first steps of learning find out, each in a sentence and in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rankloop.errors import NotEnoughDataError
from rankloop.training.labels import fit_labels

if TYPE_CHECKING:
    from rankloop.jobs.learning_log import LearningLog
    from rankloop.tables.pairs import QueryDocumentPairs

Finding = tuple[str, dict[str, Any]]
"""One sentence, and the figures that it stands on; plain data."""


def describe_curve(log: LearningLog) -> Finding:
    """Say what position does to clicks.

    Raises:
        NotEnoughDataError: Nothing was shown.
    """
    cells, propensities = log.cells, log.propensities
    if not cells.n_impressions:
        raise NotEnoughDataError(
            "no list is on record, so there is nothing to learn from",
            where="searches",
            hint="Send searches with their results, and interactions with the `search_id`.",
        )
    known = ~np.isnan(propensities.examination)
    figures = {
        "searches": log.n_searches,
        "impressions": int(cells.n_impressions),
        "clicks": int(cells.n_clicks),
        "queries": int(cells.pairs.query_keys.size),
        "documents_shown": len(cells.pairs),
        "propensities": propensities.status,
        "examination": [
            float(value) if is_known else None
            for value, is_known in zip(propensities.examination, known, strict=True)
        ],
    }
    if not cells.n_clicks:
        return f"nothing was clicked in {log.n_searches:,} searches", figures
    if propensities.status == "not_identifiable":
        return "position and document cannot be told apart in this log", figures
    deep = np.flatnonzero(known)[-1]
    share = float(propensities.examination[deep])
    said = f"rank {deep + 1} is looked at {share:.2f} times as often as rank 1"
    return f"{said} ({propensities.status}, {propensities.method})", figures


def describe_labels(log: LearningLog) -> Finding:
    """Say how attractive documents are with position taken out.

    Raises:
        NotEnoughDataError: Nothing was clicked, or position cannot be taken out.
    """
    if not log.cells.n_clicks:
        raise NotEnoughDataError(
            "nothing was clicked, so there are no labels",
            where="clicks",
            hint="Send clicks with the `search_id` of the list they were made in.",
        )
    if not log.is_identified:
        raise NotEnoughDataError(
            "position cannot be taken out of these clicks, so they are no labels",
            where="propensities",
            hint="`rankloop bias` says which swaps would help.",
        )
    labels = fit_labels(log.cells, log.propensities.examination, counts=log.counts)
    low, high = np.quantile(labels.attraction.mean, [0.1, 0.9])
    figures = {"labels": len(log.cells.pairs), "strength": float(labels.strength)}
    said = f"{len(log.cells.pairs):,} documents of queries are clicked in {low:.1%} to {high:.1%}"
    return f"{said} of the looks at them (8 of 10 lie between)", figures


def describe_pairs(pairs: QueryDocumentPairs) -> Finding:
    """Say what there is to train embeddings on."""
    yields = pairs.yields
    figures = {
        "pairs": yields.positives,
        "pair_queries": yields.queries,
        "hard_negatives": yields.hard_negatives,
        "advice": yields.advice,
    }
    said = f"{yields.positives:,} pairs of {yields.queries:,} queries"
    return f"{said}, {yields.hard_negatives:,} documents seen and passed over", figures
