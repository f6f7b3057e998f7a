"""Events at rest: one row as the journal writes it and the store keeps it.

Times are whole microseconds since 1970 in UTC; `user` is already a pseudonym where the
installation keeps pseudonyms.
"""

from __future__ import annotations

import msgspec


class InteractionRow(msgspec.Struct, omit_defaults=True, gc=False):
    """What someone did with a document or a list."""

    interaction_id: str
    at: int
    """When it happened by the client's clock, microseconds UTC."""
    received_at: int
    """When it reached us, microseconds UTC."""
    types: list[str]
    type_mask: int
    """One bit per known type, see `events.types.SIGNAL_BITS`."""
    retriever_id: str | None = None
    search_id: str | None = None
    document_id: str | None = None
    position: int | None = None
    """As the client said, from 0, page offset included."""
    query: str | None = None
    query_key: str | None = None
    user: str | None = None
    session_id: str | None = None
    device: str | None = None
    duration_ms: float | None = None
    value_micros: int | None = None
    """Monetary value in millionths of the currency unit."""
    currency: str | None = None
    metadata: str | None = None
    """JSON text of the free metadata."""
    source: str = "api"


class ResultRow(msgspec.Struct, omit_defaults=True, gc=False):
    """One document of a list, in shown order."""

    document_id: str
    score: float | None = None
    logging_probability: float | None = None


class SearchRow(msgspec.Struct, omit_defaults=True, gc=False):
    """One ranked list shown once."""

    search_id: str
    at: int
    received_at: int
    retriever_id: str
    query: str
    query_key: str
    page_offset: int = 0
    """Position of the list's first result."""
    pipeline_version: str | None = None
    filters: str | None = None
    """Canonical JSON text."""
    user: str | None = None
    session_id: str | None = None
    surface: str | None = None
    device: str | None = None
    actor: str = "human"
    variant: str | None = None
    total: int | None = None
    latency_ms: float | None = None
    tags: str | None = None
    """JSON text of a list of strings."""
    source: str = "api"
    n_results: int | None = None
    """Length of the list; None where the list is unknown, 0 where it was empty."""
    features: str | None = None
    """JSON text of what a ranker saw of the results."""
    results: list[ResultRow] = []
