"""What serving asks of the counters, whatever keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

EXAMINATION: Final[NDArray[np.float64]] = 1.0 / np.arange(1, 101)
"""How likely each position is looked at until it is measured: 1 / rank."""


SHOWN_ENOUGH: Final = 0.5
"""Share of interactions that name their search from which on exposure counts as known."""


def is_exposure_known(shown_share: float, total_expected: float) -> bool:
    """Say whether enough interactions name a search, and searches with lists are on record.

    Example:
        >>> is_exposure_known(0.7, 120.0), is_exposure_known(0.3, 120.0)
        (True, False)
    """
    return shown_share >= SHOWN_ENOUGH and total_expected > 0


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

    With a half-life every interaction and examination weighs `2^(-age / half_life)`; without one
    each weighs 1. A person is the user, else the session, else the search.

    Attributes:
        count: float64, interactions in the window, one a person, document and day at most.
        expected: float64, examinations of the document in the window: each showing counts as
            likely as its position is looked at; 0 where it was never shown.
        total_count: The same count over all documents of the retriever.
        total_expected: The same examinations over all documents of the retriever.
        n_documents: Documents of the retriever with any count; 0 where exposure is known, since
            what was shown tells more then.
        shown_share: Of `total_count`, the share that names the search it followed, in [0, 1];
            NaN where nothing was counted.
    """

    count: NDArray[np.float64]
    expected: NDArray[np.float64]
    total_count: float
    total_expected: float
    n_documents: int
    shown_share: float

    @property
    def is_exposure_known(self) -> bool:
        """Whether what was shown says how much was to be expected."""
        return is_exposure_known(self.shown_share, self.total_expected)


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


@dataclass(frozen=True, slots=True)
class Person:
    """Whose doings are asked for: one user, or one session.

    Attributes:
        name: The user's stored name, or the session as sent.
        is_session: Whether it is a session.
        retriever_id: Whose documents.
    """

    name: str
    is_session: bool
    retriever_id: str


@dataclass(frozen=True, slots=True)
class CountersConfig:
    """Bounds of what serving keeps in memory, and who counts as a person."""

    max_rows: int = 8_000_000
    """Most rows of popularity, 16 bytes each; beyond, the oldest hours are asked of the store."""

    max_history_bytes: int = 256 * 1024 * 1024
    """Most bytes of histories; the least recently used are asked of the store."""

    history_length: int = 200
    """Most events kept of one user or one session."""

    robot_interactions_per_hour: int = 1_000
    """Interactions of a person in an hour beyond which none counts."""

    robot_searches_per_hour: int = 500
    """Lists of a person in an hour beyond which none counts."""

    wait_s: float = 0.4
    """How long a reader waits at most for the first reading of the store, in seconds."""

    def __post_init__(self) -> None:
        for name in ("max_rows", "max_history_bytes", "history_length"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} must be 1 or more", where=f"counters.{name}")


class ServingCounters(Protocol):
    """Popularity and histories, fresh within a second of what was accepted."""

    def start(self) -> None:
        """Begin to get ready, without waiting; whoever asks first does so too."""
        ...

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
        """Return what a user (else a session) did, newest first, bounded in length.

        What names no retriever counts for every one.
        """
        ...

    def interacted(self, who: Person, type_mask: int, days: float, now: datetime) -> frozenset[str]:
        """Return every document that a person dealt with in one of these ways; never cut short."""
        ...

    def query_entropy(self, retriever_id: str, query_key: str) -> float:
        """Return the entropy of a query's clicks over documents, in bits; NaN where unknown.

        Queries with few clicks are drawn towards the mean of all.
        """
        ...

    def sizes(self) -> Mapping[str, int]:
        """Say how much is held: documents, users, events, bytes."""
        ...
