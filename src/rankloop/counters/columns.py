"""Accepted rows as columns: what each says, and what the search it names adds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from rankloop.counters.histories import to_query_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.events.rows import InteractionRow, SearchRow

DEFAULT_RETRIEVER: Final = "default"
"""Where interactions are filed that name neither retriever nor search."""

HOUR_US: Final = 3_600_000_000
_HASH_BITS: Final = (1 << 64) - 1


class Asked(NamedTuple):
    """Who asked what of whom in one search."""

    retriever_id: str | None
    user: str | None
    session_id: str | None
    query_key: str | None
    is_program: bool


UNKNOWN: Final = Asked(None, None, None, None, is_program=False)
"""A search that is not on record."""


class RecentSearches:
    """The latest searches by their id, within a bound.

    Example:
        >>> recent = RecentSearches(most=1)
        >>> recent.add("s1", Asked("products", None, None, None, False))
        >>> recent.add("s2", Asked("articles", None, None, None, False))
        >>> recent.find("s1").retriever_id, recent.find("s2").retriever_id
        (None, 'articles')
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._asked: dict[str, Asked] = {}
        self._order: deque[str] = deque()

    def add(self, search_id: str, asked: Asked) -> None:
        """Keep one search; a further page of a known one changes nothing."""
        if search_id in self._asked:
            return
        self._asked[search_id] = asked
        self._order.append(search_id)
        if len(self._order) > self._most:
            del self._asked[self._order.popleft()]

    def find(self, search_id: str | None) -> Asked:
        """Return what is known of a search."""
        return UNKNOWN if search_id is None else self._asked.get(search_id, UNKNOWN)

    def knows(self, search_id: str) -> bool:
        """Say whether a search is among the latest."""
        return search_id in self._asked


@dataclass(slots=True)
class Acts:
    """What people did with documents, one place in every list an interaction."""

    retriever_ids: list[str] = field(default_factory=list)
    document_ids: list[str] = field(default_factory=list)
    users: list[str | None] = field(default_factory=list)
    sessions: list[str | None] = field(default_factory=list)
    people: list[int] = field(default_factory=list)
    """A hash of the user, else the session, else the search, else the interaction."""
    at_us: list[int] = field(default_factory=list)
    received_us: list[int] = field(default_factory=list)
    masks: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    """The information need as a number, 0 where unknown."""
    is_shown: list[bool] = field(default_factory=list)
    is_program: list[bool] = field(default_factory=list)


def to_acts(rows: Sequence[InteractionRow], recent: RecentSearches) -> Acts:
    """Write interactions with documents as columns."""
    acts = Acts()
    for row in rows:
        if row.document_id is None:
            continue
        asked = recent.find(row.search_id)
        user = row.user or asked.user
        session_id = row.session_id or asked.session_id
        acts.retriever_ids.append(row.retriever_id or asked.retriever_id or DEFAULT_RETRIEVER)
        acts.document_ids.append(row.document_id)
        acts.users.append(user)
        acts.sessions.append(session_id)
        acts.people.append(
            to_deed_person(user, session_id, row.search_id) or hash(f"i{row.interaction_id}")
        )
        acts.at_us.append(row.at)
        acts.received_us.append(row.received_at)
        acts.masks.append(row.type_mask)
        acts.positions.append(-1 if row.position is None else row.position)
        acts.queries.append(to_query_number(row.query_key or asked.query_key))
        acts.is_shown.append(row.search_id is not None)
        acts.is_program.append(asked.is_program)
    return acts


def to_asked(row: SearchRow) -> Asked:
    """Say who asked what of whom in a search."""
    return Asked(
        row.retriever_id, row.user, row.session_id, row.query_key, is_program=row.actor != "human"
    )


def to_deed_person(user: str | None, session_id: str | None, search_id: str | None) -> int | None:
    """Name whoever it was as `counter_deeds` does, hashed; None where nothing says who."""
    if user:
        return hash(f"u{user}")
    if session_id:
        return hash(f"s{session_id}")
    return hash(f"l{search_id}") if search_id else None


def to_hashes(numbers: Sequence[int]) -> NDArray[np.uint64]:
    """Write hashes of Python as 64 bits without a sign."""
    return np.array([number & _HASH_BITS for number in numbers], np.uint64)
