"""Rows for tests, made from what matters in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from rankloop.events.queries import to_query_key
from rankloop.events.rows import InteractionRow, ResultRow, SearchRow
from rankloop.events.types import to_mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOON_US: Final = 1_767_268_800_000_000
"""2026-01-01T12:00:00Z in microseconds: when things happen unless a test says otherwise."""


def build_search(
    search_id: str,
    documents: Sequence[str] | None = ("d1", "d2", "d3"),
    *,
    at: int = NOON_US,
    **fields: object,
) -> SearchRow:
    """Build a list that was shown.

    Args:
        search_id: Its identifier.
        documents: What it held, in shown order; None for a list nobody knows.
        at: When it was shown, microseconds UTC.
        fields: Any other field of `SearchRow`.

    Example:
        >>> build_search("s1", ["d1"], query="blue shoes").n_results
        1
    """
    row = SearchRow(
        search_id=search_id,
        at=at,
        received_at=at,
        retriever_id="products",
        query="blue shoes",
        query_key="",
        results=[ResultRow(document) for document in documents or ()],
        n_results=None if documents is None else len(documents),
    )
    row = msgspec.structs.replace(row, **fields)
    return msgspec.structs.replace(row, query_key=row.query_key or to_query_key(row.query))


def build_interaction(
    interaction_id: str,
    document_id: str | None = "d1",
    types: Sequence[str] = ("click",),
    *,
    at: int = NOON_US + 1_000_000,
    **fields: object,
) -> InteractionRow:
    """Build what someone did.

    Args:
        interaction_id: Its identifier.
        document_id: What it was done to; None where it was to a list.
        types: What it was.
        at: When, microseconds UTC; a second after `build_search` unless said otherwise.
        fields: Any other field of `InteractionRow`.

    Example:
        >>> build_interaction("i1", types=["view", "click"]).type_mask
        3
    """
    row = InteractionRow(
        interaction_id=interaction_id,
        at=at,
        received_at=at,
        document_id=document_id,
        types=list(types),
        type_mask=to_mask(types),
    )
    return msgspec.structs.replace(row, **fields)


def to_lines(rows: Iterable[SearchRow | InteractionRow]) -> bytes:
    """Write rows as the journal does: one JSON object a line.

    Example:
        >>> to_lines([build_interaction("i1")]).count(bytes([10]))
        1
    """
    return msgspec.json.Encoder().encode_lines(rows)
