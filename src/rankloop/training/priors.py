"""Priors: what to expect of a pair before its own clicks are looked at."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.training.regressions import predict_rates
from rankloop.training.strengths import fit_gamma_strength

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.training.evidence import Evidence

PriorKind = Literal["global", "query", "features"]
"""One mean for all; that of the query's other documents; one learned from features."""

_LEAST_MEAN: Final = 1e-6


@dataclass(frozen=True, slots=True)
class PriorConfig:
    """Settings of the prior."""

    kind: PriorKind = "features"
    """What the expectation of a pair is made from."""

    with_impressions: bool = True
    """Whether features include how often and how deep a pair was shown.

    They hand the production ranker's judgment on, which helps where it is good and repeats its
    mistakes where it is not.
    """

    n_folds: int = 5
    """Groups of queries of which each is predicted from the others, 2 or more."""

    def __post_init__(self) -> None:
        if self.kind not in ("global", "query", "features"):
            raise SettingsError(f"there is no prior {self.kind!r}", where="kind")
        if self.n_folds < 2:
            raise SettingsError("n_folds must be 2 or more", where="n_folds")


def fit_prior(
    evidence: Evidence,
    config: PriorConfig | None = None,
    features: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Say what attraction to expect of each pair, from the clicks of others.

    Args:
        evidence: What the log knows.
        config: Which prior; learned from features when left out.
        features: `[n_pairs, n_features]` float64 of content, NaN where unknown; for the kind
            `features` only; it may be left out where `with_impressions` adds some.

    Returns:
        `[n_pairs]` float64 above 0.

    Raises:
        NotEnoughDataError: Nothing was clicked, or there is nothing to regress on.
        TableError: There are more or fewer rows of features than pairs.
    """
    config = config or PriorConfig()
    clicks, looks = int(evidence.clicks.sum()), float(evidence.examinations.sum())
    if not clicks:
        raise NotEnoughDataError(
            "nothing was clicked, so there is nothing to learn from",
            where="clicks",
            hint="Send clicks with the `search_id` of the list they were made in.",
        )
    overall = clicks / looks
    if config.kind == "global":
        return np.full(len(evidence.pairs), overall)
    if config.kind == "query":
        return _expect_from_query(evidence, overall)
    return np.maximum(_expect_from_features(evidence, config, features), _LEAST_MEAN)


def _expect_from_query(evidence: Evidence, overall: float) -> NDArray[np.float64]:
    """Take the query's other documents, shrunk towards all.

    A pair's own clicks stay out: otherwise a query with one document would confirm itself.
    """
    query, n_queries = evidence.pairs.query, evidence.pairs.query_keys.size
    clicks = np.bincount(query, evidence.clicks, n_queries)
    looks = np.bincount(query, evidence.examinations, n_queries)
    strength = fit_gamma_strength(
        clicks.astype(np.int64), looks.astype(np.float64), np.full(n_queries, overall)
    )
    others = clicks[query] - evidence.clicks
    looked = np.maximum(looks[query] - evidence.examinations, 0.0)
    return np.asarray((others + strength * overall) / (looked + strength))


def _expect_from_features(
    evidence: Evidence, config: PriorConfig, features: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Regress clicks on features, each group of queries by what the others teach."""
    columns = [] if features is None else [features]
    if config.with_impressions:
        columns.append(_describe_impressions(evidence))
    if not columns:
        raise NotEnoughDataError(
            "a prior learned from features was asked for, but there are none",
            where="features",
            hint="Give features, or set with_impressions.",
        )
    if features is not None and features.shape[0] != len(evidence.pairs):
        raise TableError(
            f"features has {features.shape[0]} rows for {len(evidence.pairs)} pairs",
            where="features",
        )
    # A fold hangs on the query's own key, so that queries come and go without moving others.
    folds = np.array(
        [zlib.crc32(str(key).encode()) % config.n_folds for key in evidence.pairs.query_keys]
    )
    return predict_rates(
        np.column_stack(columns),
        evidence.clicks,
        evidence.examinations,
        folds[evidence.pairs.query],
    )


def _describe_impressions(evidence: Evidence) -> NDArray[np.float64]:
    """Return how often (log share of its query's impressions) and how deep a pair was shown."""
    query = evidence.pairs.query
    totals = np.bincount(query, evidence.impressions, evidence.pairs.query_keys.size)
    share = evidence.impressions / np.maximum(totals[query], 1)
    logs = np.log(share, out=np.full(share.size, np.nan), where=share > 0)
    return np.column_stack([logs, evidence.mean_position])
