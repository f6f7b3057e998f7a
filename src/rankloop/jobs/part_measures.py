"""How a model does on parts of the queries: seen and unseen, head, torso and tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.evaluation.measures import evaluate
from rankloop.evaluation.off_policy import estimate_by_query
from rankloop.evaluation.rankings import Judgments, Ranking
from rankloop.evaluation.resampling import ResamplingConfig, estimate_difference
from rankloop.models.manifest import Measured
from rankloop.tables.judgments import MAX_RELEVANCE
from rankloop.training.judgments import to_grades
from rankloop.training.splits import name_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rankloop.catalog.judgments import KeptJudgment
    from rankloop.evaluation.logged_clicks import Placement
    from rankloop.jobs.held_out import Evidence
    from rankloop.training.splits import Part

MIN_QUERIES: Final = 10
"""Fewer queries have a value and no interval."""

CLICKED_NDCG: Final = "nDCG@10 by clicks"
"""Relevance is attraction, estimated from held-out clicks."""

JUDGED_NDCG: Final = "nDCG@10"
"""Relevance is what was judged."""


def measure_by_clicks(
    evidence: Evidence, rankings: tuple[Placement, Placement], seen: set[str]
) -> list[Measured]:
    """Measure a new ranking beside the old one on each part of the queries.

    Args:
        evidence: The held-out log.
        rankings: The new and the old one.
        seen: Keys of the queries that the model may have learned from.
    """
    new, old = estimate_by_query(evidence.logged, evidence.examination, evidence.guess, rankings)
    is_seen = np.array([key in seen for key in evidence.query_keys], dtype=bool)
    searches = np.rint(evidence.logged.searches).astype(np.int64)
    return _measure(CLICKED_NDCG, (new, old), name_parts(searches, is_seen))


def measure_by_judgments(
    judged: Sequence[KeptJudgment], rankings: tuple[Mapping[str, Sequence[str]], ...]
) -> tuple[NDArray[np.float64], ...]:
    """Return nDCG@10 of each ranking, query by query, `[n_queries]` each.

    Args:
        judged: What is known to be relevant, of queries that were ranked.
        rankings: Documents by query key, best first.
    """
    relevance: dict[tuple[str, str], list[float]] = {}
    for row in judged:
        if row.query_key in rankings[0]:
            relevance.setdefault((row.query_key, row.document_id), []).append(row.relevance)
    means = np.array([float(np.mean(each)) for each in relevance.values()])
    judgments = Judgments(
        np.array([key for key, _ in relevance], dtype=object),
        np.array([name for _, name in relevance], dtype=object),
        to_grades(means, MAX_RELEVANCE),
    )
    return tuple(
        evaluate(judgments, _to_ranking(one), [JUDGED_NDCG]).values[JUDGED_NDCG] for one in rankings
    )


def _to_ranking(ranking: Mapping[str, Sequence[str]]) -> Ranking:
    """Write a ranking as measures read it."""
    rows = [
        (key, name, position)
        for key, names in ranking.items()
        for position, name in enumerate(names)
    ]
    return Ranking(
        np.array([key for key, _, _ in rows], dtype=object),
        np.array([name for _, name, _ in rows], dtype=object),
        np.array([position for _, _, position in rows], dtype=np.int64),
    )


def _measure(
    name: str,
    values: tuple[NDArray[np.float64], NDArray[np.float64]],
    parts: Mapping[Part, NDArray[np.bool_]],
) -> list[Measured]:
    """Compare two rankings on each part that has a query."""
    new, old = values
    measured = []
    for part, rows in parts.items():
        n = int(rows.sum())
        if not n:
            continue
        low: float | None = None
        high: float | None = None
        if n >= MIN_QUERIES:
            # The same part of the same log has the same interval, whoever asks.
            rng = np.random.default_rng([n, 1])
            config = ResamplingConfig(n_resamples=2_000)
            found = estimate_difference(new[rows], old[rows], rng, config)
            low, high = found.low, found.high
        measured.append(
            Measured(
                measure=name,
                part=part,
                value=float(new[rows].mean()),
                baseline=float(old[rows].mean()),
                low=low,
                high=high,
                n=n,
            )
        )
    return measured
