"""The scores that pairs had when they were shown, as a ranker was, or would be, handed them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from rankloop.models.feature_log import read_features
from rankloop.models.feature_spec import SCORE_FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from rankloop.store.base import EventStore, Value

_SUMS: Final = ("score", "score_gap", "score_ratio")
_COUNTS: Final = ("n", "n_gap", "n_ratio")


class PairScores:
    """Mean score features of pairs within one window.

    Args:
        table: `query_key`, `document_id`, and sums and counts as `feature_scores` has them; pairs
            may stand several times.
    """

    def __init__(self, table: pa.Table) -> None:
        totals = table.group_by(["query_key", "document_id"]).aggregate(
            [(name, "sum") for name in (*_SUMS, *_COUNTS)]
        )
        sums, counts = (
            np.stack([totals[f"{name}_sum"].to_numpy() for name in names], axis=1).astype(float)
            for names in (_SUMS, _COUNTS)
        )
        self._means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        keys = zip(totals["query_key"].to_pylist(), totals["document_id"].to_pylist(), strict=True)
        self._places = {key: place for place, key in enumerate(keys)}

    @classmethod
    def read(cls, store: EventStore, asked: dict[str, Value]) -> PairScores:
        """Read the scores of a window.

        Where a ranker looked at a list, the scores that were handed in are those it saw: the ones
        in the list are its own.

        Args:
            store: Where the log is; its derived tables are up to date.
            asked: `retriever_id`, `start` and `end`.
        """
        shown = store.ask("feature_scores", asked)
        seen = store.ask("feature_log", asked)
        return cls(pa.concat_tables([shown, _sum_seen(seen, shown.schema)]))

    def find(self, query_key: str, document_ids: Sequence[str]) -> NDArray[np.float64]:
        """Return the means of a query's documents, `[n_documents, 3]`; NaN where unknown."""
        places = [self._places.get((query_key, name), -1) for name in document_ids]
        found = self._means[places] if len(self._means) else np.empty((len(places), 3))
        return np.where(np.array(places)[:, None] >= 0, found, np.nan)


def _sum_seen(seen: pa.Table, schema: pa.Schema) -> pa.Table:
    """Write what rankers saw as rows of `feature_scores`."""
    rows = list(_iter_seen(seen))
    if not rows:
        return schema.empty_table()
    keys = [key for key, _, _ in rows]
    names = [name for _, names, _ in rows for name in names]
    values = np.concatenate([matrix for _, _, matrix in rows])
    lengths = [len(names) for _, names, _ in rows]
    is_known = ~np.isnan(values)
    columns: dict[str, Any] = {
        "query_key": np.repeat(np.array(keys, dtype=object), lengths),
        "document_id": np.array(names, dtype=object),
    }
    for place, (total, count) in enumerate(zip(_SUMS, _COUNTS, strict=True)):
        columns[total] = np.where(is_known[:, place], values[:, place], 0.0)
        columns[count] = is_known[:, place].astype(np.int64)
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _iter_seen(seen: pa.Table) -> Iterator[tuple[str, list[str], NDArray[np.float64]]]:
    """Read each list: its query, its documents, and their score features."""
    lists = zip(
        seen["query_key"].to_pylist(),
        seen["document_ids"].to_pylist(),
        seen["features"].to_pylist(),
        strict=True,
    )
    for query_key, document_ids, features in lists:
        matrix = read_features(features).to_matrix(SCORE_FEATURES)
        # Only the first results of a long list are recorded.
        n_rows = min(len(document_ids), len(matrix))
        if n_rows:
            yield query_key, document_ids[:n_rows], matrix[:n_rows]
