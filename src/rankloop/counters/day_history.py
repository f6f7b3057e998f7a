"""Clicks and looks up to the start of a day: what rankers know of the past.

Serving and training read them by the same questions, so that a ranker serves with the numbers that
it was trained with. Whatever happens on a day is no part of that day's features, least of all the
click that is to be predicted.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.models.evidence import Evidence
from rankloop.store.identifiers import to_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.models.feature_spec import FeatureSpec
    from rankloop.store.base import EventStore, Value

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

MAX_PAIRS: Final = 2_000_000
"""Most pairs that are kept, 24 bytes each; those with the most clicks, then the most looks."""

MAX_DOCUMENTS: Final = 1_000_000
"""Most documents that are kept, likewise."""


@dataclass(frozen=True, slots=True)
class WantedHistory:
    """Which history is meant.

    Attributes:
        retriever_id: Whose lists.
        day: Everything before the start of this day, UTC.
        days: Length of the window that ends there.
        examination: How likely each position is looked at; the last holds for all behind it.
    """

    retriever_id: str
    day: date
    days: int
    examination: tuple[float, ...]

    @classmethod
    def of(cls, spec: FeatureSpec, retriever_id: str, day: date) -> WantedHistory:
        """Return what features of one day ask for."""
        return cls(retriever_id, day, spec.history_days, spec.examination)

    def to_parameters(self, limit: int) -> dict[str, Value]:
        """Write it as the questions take it."""
        end = datetime.combine(self.day, time(), UTC)
        return {
            "retriever_id": self.retriever_id,
            "start": end - timedelta(days=self.days),
            "end": end,
            "examination": list(self.examination),
            "n_positions": len(self.examination),
            "limit": limit,
        }


@dataclass(frozen=True, slots=True)
class Tally:
    """Clicks and looks by key.

    Attributes:
        keys: `[n]` int64, ascending.
        clicks: `[n]` float64.
        looks: `[n]` float64.
    """

    keys: Ints
    clicks: Floats
    looks: Floats

    @classmethod
    def read(cls, store: EventStore, question: str, wanted: WantedHistory, limit: int) -> Tally:
        """Ask the store."""
        table = store.ask(question, wanted.to_parameters(limit))
        keys = np.asarray(table.column(0).to_numpy(), np.int64)
        order = np.argsort(keys, kind="stable")
        clicks, looks = (
            np.asarray(table.column(name).to_numpy(), np.float64) for name in ("clicks", "looks")
        )
        return cls(keys[order], clicks[order], looks[order])

    def find(self, keys: Ints) -> tuple[Floats, Floats]:
        """Return clicks and looks of some keys; 0 for those that are not known."""
        if not self.keys.size:
            return np.zeros(keys.size), np.zeros(keys.size)
        places = np.minimum(np.searchsorted(self.keys, keys), self.keys.size - 1)
        is_known = self.keys[places] == keys
        return np.where(is_known, self.clicks[places], 0.0), np.where(
            is_known, self.looks[places], 0.0
        )


@dataclass(frozen=True, slots=True)
class DayHistory:
    """What people did up to the start of a day.

    Attributes:
        documents: By document.
        pairs: By query and document.
        mean_rate: Clicks a look over all documents; NaN where there are none.
    """

    documents: Tally
    pairs: Tally
    mean_rate: float

    @classmethod
    def read(cls, store: EventStore, wanted: WantedHistory) -> DayHistory:
        """Ask the store, whose derived tables must be up to date."""
        documents = Tally.read(store, "history_documents", wanted, MAX_DOCUMENTS)
        pairs = Tally.read(store, "history_pairs", wanted, MAX_PAIRS)
        looks = float(documents.looks.sum())
        return cls(documents, pairs, float(documents.clicks.sum()) / looks if looks > 0 else np.nan)

    def find(self, query_key: str, document_ids: Sequence[str]) -> Evidence:
        """Return what is known of the candidates of a query."""
        keys = np.fromiter(map(to_key, document_ids), np.int64, len(document_ids))
        return Evidence(
            *self.documents.find(keys),
            *self.pairs.find(keys ^ np.int64(to_key(query_key))),
            mean_rate=self.mean_rate,
        )


@functools.lru_cache(65_536)
def to_key(text: str) -> int:
    """Return the number that questions make of a text, such as `document_key`.

    Example:
        >>> to_key("a")
        3500206983725506968
    """
    return int(to_hashes([text])[0]) // 2
