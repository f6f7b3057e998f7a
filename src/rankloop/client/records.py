"""What the API answers with, as objects with attributes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import msgspec

from rankloop.tables.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class InteractionFields(TypedDict, total=False):
    """What can be said about one interaction; `interaction_type` is the one that must be."""

    feature_id: str
    document_id: str
    interaction_type: str | Sequence[str]
    position: int
    metadata: dict[str, Any]
    user_id: str
    session_id: str
    search_id: str
    execution_id: str
    retriever_id: str
    interaction_id: str
    timestamp: datetime | str
    value: float
    currency: str


class ResultFields(TypedDict, total=False):
    """One document of a list; `document_id` must be said."""

    document_id: str
    score: float
    logging_probability: float


class SearchFields(TypedDict, total=False):
    """What can be said about one list shown once; `query` is the one that must be."""

    search_id: str
    retriever_id: str
    query: str
    timestamp: datetime | str
    user_id: str
    session_id: str
    filters: dict[str, Any]
    offset: int
    total: int
    surface: str
    device: str
    actor: Literal["human", "agent", "judge", "robot"]
    pipeline_version: str
    variant: str
    tags: Sequence[str]
    latency_ms: float
    results: Sequence[ResultFields]


class InteractionFilters(TypedDict, total=False):
    """Which interactions to list; what is left out does not narrow."""

    feature_id: str
    user_id: str
    session_id: str
    search_id: str
    retriever_id: str
    interaction_type: str | Sequence[str]
    position_gte: int
    position_lte: int
    days: float
    start: datetime | str
    end: datetime | str
    allow_stale: bool


class Interaction(Record, kw_only=True, frozen=True, omit_defaults=True):
    """What someone did with a document or a list."""

    interaction_id: str
    feature_id: str | None = None
    interaction_type: list[str] = msgspec.field(default_factory=list)
    position: int | None = None
    """Position in the whole list, from 0."""
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    user_id: str | None = None
    """The pseudonym `u~…`, unless the installation keeps plain ids."""
    session_id: str | None = None
    search_id: str | None = None
    retriever_id: str | None = None
    timestamp: datetime | None = None
    """When it happened by the sender's clock, UTC."""
    value: float | None = None
    currency: str | None = None
    status: Literal["accepted", "duplicate"] | None = None
    """The verdict, where the object answers `create`."""


class CreatedSearch(Record, kw_only=True, frozen=True):
    """The answer to one search."""

    search_id: str
    status: Literal["accepted", "duplicate"]


class Rejection(Record, kw_only=True, frozen=True):
    """Why one row was not taken."""

    index: int
    """Place of the row among those given, from 0."""
    code: str
    pointer: str
    """JSON pointer into the row; empty for the row as a whole."""
    detail: str


class Verdict(Record, kw_only=True, frozen=True):
    """What became of one row."""

    index: int
    """Place of the row among those given, from 0."""
    identifier: str
    """The interaction's or the search's id."""
    status: Literal["accepted", "duplicate", "rejected"]
    rejection: Rejection | None = None


class Verdicts(Record, kw_only=True, frozen=True):
    """What became of many rows; iterate for one verdict each.

    Attributes:
        accepted: Rows taken now.
        duplicate: Rows that were known before; nothing changed.
        rejected: Why each other row was not taken.
        identifiers: The interaction's or search's id of each row given.

    Example:
        >>> verdicts = Verdicts(accepted=1, identifiers=["i1"])
        >>> [(verdict.identifier, verdict.status) for verdict in verdicts]
        [('i1', 'accepted')]
    """

    accepted: int = 0
    duplicate: int = 0
    rejected: list[Rejection] = msgspec.field(default_factory=list)
    identifiers: list[str] = msgspec.field(default_factory=list)
    duplicate_indexes: list[int] = msgspec.field(default_factory=list)

    def __iter__(self) -> Iterator[Verdict]:
        """Yield one verdict per row, in the order given."""
        rejections = {rejection.index: rejection for rejection in self.rejected}
        duplicates = set(self.duplicate_indexes)
        for index, identifier in enumerate(self.identifiers):
            rejection = rejections.get(index)
            if rejection is not None:
                status: Literal["accepted", "duplicate", "rejected"] = "rejected"
            else:
                status = "duplicate" if index in duplicates else "accepted"
            yield Verdict(index=index, identifier=identifier, status=status, rejection=rejection)

    def __len__(self) -> int:
        """Return how many rows were given."""
        return len(self.identifiers)


class Receipt(Record, kw_only=True, frozen=True):
    """What an erasure removed."""

    rows: dict[str, int]
    """Rows removed, per table."""
    models: list[str] = msgspec.field(default_factory=list)
    """Models that learned from the removed rows."""
    exports: list[str] = msgspec.field(default_factory=list)
    """Exports that held some of them."""
    erased_at: datetime | None = None
    users: int = 0


class UserData(Record, kw_only=True, frozen=True):
    """Everything held about one user."""

    user_id: str
    interactions: list[Interaction] = msgspec.field(default_factory=list)
    searches: list[dict[str, Any]] = msgspec.field(default_factory=list)
    exported_at: datetime | None = None


class Manifest(Record, kw_only=True, frozen=True):
    """What an export holds, and how to tell that it arrived whole."""

    export_id: str
    kind: str
    format: str
    rows: int
    bytes: int
    sha256: str
    window: dict[str, Any] = msgspec.field(default_factory=dict)
    filters: dict[str, Any] = msgspec.field(default_factory=dict)
    columns: list[str] = msgspec.field(default_factory=list)
    made_at: datetime | None = None
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    """What made the rows, where they were not only read."""
    weights: dict[str, float] = msgspec.field(default_factory=dict)
    """What was counted for how much."""
    yields: dict[str, Any] = msgspec.field(default_factory=dict)
    """What became of the candidates for pairs."""
