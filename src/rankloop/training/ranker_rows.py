"""Rows that rankers are grown on: one (query, document) pair each, with position taken out.

Pairs, not impressions: rows shrink by an order of magnitude, and labels are free of most noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.tables.pairs import Need
from rankloop.training.evidence import Placed
from rankloop.training.yields import to_searches_needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.training.labels import Labels

MIN_QUERIES: Final = 200
"""Distinct queries under which no ranker should be promoted."""

MIN_SEARCHES: Final = 2_000
"""Searches under which none should be."""

MIN_CLICKS: Final = 1_000
"""Clicks under which none should be."""

MIN_IMPRESSIONS_PER_ROW: Final = 3
"""Mean impressions of a row under which none should be."""

MIN_ROWS: Final = 50
"""Rows under which trees have nothing to split."""

INSTEAD: Final = (
    "Until then let popularity and the counts of each pair re-rank: they learn nothing."
)

_COUNTS: Final = ("clicks", "examinations", "impressions", "labels", "weights")


@dataclass(frozen=True, slots=True)
class RankerRows:
    """What is known of each pair that was shown; every array is `[n_rows]`, queries together.

    Attributes:
        query: int64, the list that each row stands in, ascending: a query, in one part of the log.
        features: `[n_rows, n_features]` float64, NaN where unknown.
        feature_names: Name of each column.
        clicks: int64, impressions that were clicked.
        examinations: float64, looks at it, in looks at position 0.
        impressions: int64, how often it was shown.
        labels: float64, the attraction that is believed in, 0 or more.
        weights: float64 in [0, 1), how much of the label the pair's own clicks say.
        placed: Counts by row and position; None where they are not needed.
        serving_score: The feature that holds the score of what serves; None where none does.
        categorical: Columns whose numbers are codes.
        need: int64, the query itself, which may have a list in several parts of the log; `query`
            where it is left out.
    """

    query: NDArray[np.int64]
    features: NDArray[np.float64]
    feature_names: tuple[str, ...]
    clicks: NDArray[np.int64]
    examinations: NDArray[np.float64]
    impressions: NDArray[np.int64]
    labels: NDArray[np.float64]
    weights: NDArray[np.float64]
    placed: Placed | None = None
    serving_score: str | None = None
    categorical: tuple[int, ...] = ()
    need: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        n_rows = self.query.size
        for name in ("features", *_COUNTS):
            if getattr(self, name).shape[0] != n_rows:
                raise TableError(
                    f"{name} has {getattr(self, name).shape[0]} rows for {n_rows} queries",
                    where=name,
                )
        if self.features.ndim != 2 or self.features.shape[1] != len(self.feature_names):
            raise TableError(
                f"features are {self.features.shape} for {len(self.feature_names)} names",
                where="features",
            )
        if bool((np.diff(self.query) < 0).any()):
            raise TableError("queries must ascend", where="query")
        if self.serving_score is not None and self.serving_score not in self.feature_names:
            raise SettingsError(
                f"there is no feature {self.serving_score!r}", where="serving_score"
            )

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.query.size)

    @property
    def is_seen(self) -> NDArray[np.bool_]:
        """Which rows were looked at: the others have no label, and are no negatives."""
        return np.asarray(self.examinations > 0)

    @property
    def topic(self) -> NDArray[np.int64]:
        """The query of each row, whatever part of the log it stands in."""
        return self.query if self.need is None else self.need

    @property
    def n_queries(self) -> int:
        """How many queries have a row that was looked at."""
        return int(np.unique(self.topic[self.is_seen]).size)

    def select(self, kept: NDArray[np.bool_]) -> RankerRows:
        """Keep some rows."""
        return replace(
            self,
            **{name: getattr(self, name)[kept] for name in ("query", "features", *_COUNTS)},
            placed=None if self.placed is None else _select_placed(self.placed, kept),
            need=None if self.need is None else self.need[kept],
        )


def build_rows(
    labels: Labels,
    features: NDArray[np.float64],
    feature_names: Sequence[str],
    serving_score: str | None = None,
    categorical: Sequence[int] = (),
    need: NDArray[np.int64] | None = None,
) -> RankerRows:
    """Put together what is known of each pair of a log.

    Args:
        labels: What is believed of each pair, and the counts behind it.
        features: `[n_pairs, n_features]` float64 in the order of the labels' pairs.
        feature_names: Name of each column.
        serving_score: The feature that holds the score of what serves.
        categorical: Columns whose numbers are codes.
        need: `[n_pairs]` int64, the query itself, where pairs are told apart by part of the log.

    Raises:
        TableError: The features do not fit the pairs or the names.
        SettingsError: There is no such feature.
    """
    evidence = labels.evidence
    return RankerRows(
        query=evidence.pairs.query,
        features=features,
        feature_names=tuple(feature_names),
        clicks=evidence.clicks,
        examinations=evidence.examinations,
        impressions=evidence.impressions,
        labels=labels.value,
        weights=labels.weight,
        placed=evidence.placed,
        serving_score=serving_score,
        categorical=tuple(categorical),
        need=need,
    )


def find_ranker_needs(rows: RankerRows, n_searches: int) -> list[Need]:
    """Say what there is too little of for a ranker that may serve, and what would bring it.

    Training goes on without; nothing that was trained on less should be promoted.

    Args:
        rows: What there is.
        n_searches: In how many searches it was shown.
    """
    seen = rows.is_seen
    return list_ranker_needs(
        n_queries=rows.n_queries,
        n_searches=n_searches,
        n_clicks=int(rows.clicks[seen].sum()),
        n_impressions=int(rows.impressions[seen].sum()),
        n_rows=int(seen.sum()),
    )


def list_ranker_needs(
    *, n_queries: int, n_searches: int, n_clicks: int, n_impressions: int, n_rows: int
) -> list[Need]:
    """Say the same of counts alone.

    Args:
        n_queries: Different queries.
        n_searches: Lists that were shown for them.
        n_clicks: Impressions that were clicked.
        n_impressions: Documents shown in those lists.
        n_rows: Different (query, document) pairs among them.

    Example:
        >>> counts = {"n_clicks": 1_800, "n_impressions": 40_000, "n_rows": 5_000}
        >>> [need.what for need in list_ranker_needs(n_queries=150, n_searches=4_000, **counts)]
        ['queries']
    """
    floors = (
        ("queries", n_queries, MIN_QUERIES),
        ("searches", n_searches, MIN_SEARCHES),
        ("clicks", n_clicks, MIN_CLICKS),
        ("impressions_per_row", n_impressions // n_rows if n_rows else 0, MIN_IMPRESSIONS_PER_ROW),
    )
    return [
        Need(what, have, need, to_searches_needed(have, need, n_searches))
        for what, have, need in floors
        if have < need
    ]


def check_learnable(rows: RankerRows) -> None:
    """Refuse rows that no order can be learned from, and say what they lack.

    Raises:
        NotEnoughDataError: There are under 50 rows, one query only, no clicks, equal labels, no
            query with two documents, or nothing that tells documents apart.
    """
    seen = rows.is_seen
    n_rows, clicks = int(seen.sum()), rows.clicks[seen]
    if not clicks.any():
        _refuse("nothing was clicked", "clicks", "Send clicks with the `search_id` of their list.")
    if n_rows < MIN_ROWS:
        _refuse(
            f"there are {n_rows} pairs of a query and a document, {MIN_ROWS} are needed", "query"
        )
    if rows.n_queries < 2:
        _refuse("all searches are for one query, and a ranker would know no other", "query")
    if np.unique(rows.query[seen], return_counts=True)[1].max() < 2:
        _refuse("no query has two documents that were looked at, so there is no order", "query")
    if float(np.ptp(rows.labels[seen])) == 0.0:
        _refuse("all labels are equal, so there is no order to learn", "labels")
    if not _tells_apart(rows.features[seen]):
        _refuse("no feature tells documents apart", "features", "Put fields into documents.")


def _select_placed(placed: Placed, kept: NDArray[np.bool_]) -> Placed:
    """Keep the counts of some rows, under their new numbers."""
    number = np.cumsum(kept) - 1
    here = kept[placed.pair]
    return Placed(
        pair=number[placed.pair[here]],
        position=placed.position[here],
        examination=placed.examination[here],
        n=placed.n[here],
        clicks=placed.clicks[here],
    )


def _tells_apart(features: NDArray[np.float64]) -> bool:
    """Say whether some column has two values; unknown is one."""
    known = np.where(np.isnan(features), -np.inf, features)
    return bool((known != known[:1]).any())


def _refuse(lack: str, where: str, hint: str = INSTEAD) -> None:
    raise NotEnoughDataError(lack, where=where, hint=hint)
