"""What serving asks of the counters, whatever keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PopularityWindow:
    """Which interactions count towards popularity.

    Attributes:
        retriever_id: Whose documents.
        type_mask: Types that count, one bit each (`events.types.to_mask`).
        days: Length of the window that ends now, above 0.
        query_key: Only those of this information need; None for all.
    """

    retriever_id: str
    type_mask: int
    days: float
    query_key: str | None = None


@dataclass(frozen=True, slots=True)
class Popularity:
    """What the counters know of some documents; every array is `[n_documents]`.

    Attributes:
        count: float64, interactions in the window, one a user, document and day at most; the sum
            of their decayed weights where a half-life was asked for.
        expected: float64, decayed examinations of the document in the window, from impressions;
            0 where there were none.
        mean_rate: Interactions per examination over all documents in the window; NaN where no
            impression is known.
        mean_count: Interactions per document over all documents that had any.
    """

    count: NDArray[np.float64]
    expected: NDArray[np.float64]
    mean_rate: float
    mean_count: float


@dataclass(frozen=True, slots=True)
class Event:
    """One document that one person dealt with, newest first in a history.

    Attributes:
        document_id: The document.
        type_mask: What was done, one bit a type.
        at_us: When, microseconds UTC.
        position: Where it stood, from 0; -1 where unknown.
        query_key: For which information need; empty where unknown.
    """

    document_id: str
    type_mask: int
    at_us: int
    position: int
    query_key: str


class ServingCounters(Protocol):
    """Popularity and histories, fresh within a second of what was accepted."""

    def popularity(
        self,
        window: PopularityWindow,
        document_ids: Sequence[str],
        now: datetime,
        half_life_days: float | None = None,
    ) -> Popularity:
        """Say how popular documents are; a hard window where no half-life is given."""
        ...

    def history(
        self, *, user_key: str | None, session_id: str | None, retriever_id: str, now: datetime
    ) -> Sequence[Event]:
        """Return what a user (else a session) did, newest first, bounded in length."""
        ...

    def query_entropy(self, retriever_id: str, query_key: str) -> float:
        """Return the entropy of a query's clicks over documents, in bits; NaN where unknown."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """Say how much is held: documents, users, events, bytes."""
        ...
