"""Events as they are shown: the wire's own field names, whatever the row calls them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from rankloop.events.rows import InteractionRow

DEFAULT_RETRIEVER: Final = "default"
"""Where an interaction belongs that names neither a retriever nor a search."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROS: Final = 1_000_000


class InteractionView(msgspec.Struct, frozen=True):
    """One interaction as the API answers it."""

    interaction_id: str
    feature_id: str | None
    interaction_type: list[str]
    position: int | None
    metadata: msgspec.Raw
    user_id: str | None
    """The pseudonym, where the installation keeps pseudonyms."""
    session_id: str | None
    search_id: str | None
    retriever_id: str | None
    """Null only where it will be taken from the search once that is known."""
    timestamp: datetime
    value: float | None
    currency: str | None


class AcceptedView(InteractionView, frozen=True):
    """The answer to one interaction posted."""

    status: str = "accepted"


def to_accepted(row: InteractionRow, *, is_duplicate: bool) -> AcceptedView:
    """Show a row that was just taken in.

    Example:
        >>> from rankloop.events.rows import InteractionRow
        >>> row = InteractionRow("i1", at=0, received_at=0, types=["click"], type_mask=2)
        >>> view = to_accepted(row, is_duplicate=False)
        >>> view.status, view.timestamp.isoformat()
        ('accepted', '1970-01-01T00:00:00+00:00')
    """
    return AcceptedView(
        interaction_id=row.interaction_id,
        feature_id=row.document_id,
        interaction_type=row.types,
        position=row.position,
        metadata=msgspec.Raw((row.metadata or "{}").encode()),
        user_id=row.user,
        session_id=row.session_id,
        search_id=row.search_id,
        retriever_id=row.retriever_id or (None if row.search_id else DEFAULT_RETRIEVER),
        timestamp=to_moment(row.at),
        value=None if row.value_micros is None else row.value_micros / _MICROS,
        currency=row.currency,
        status="duplicate" if is_duplicate else "accepted",
    )


def to_moment(at_us: int) -> datetime:
    """Turn microseconds UTC into an aware time.

    Example:
        >>> to_moment(1_000_000).isoformat()
        '1970-01-01T00:00:01+00:00'
    """
    return _EPOCH + timedelta(microseconds=at_us)
