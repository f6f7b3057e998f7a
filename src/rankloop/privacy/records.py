"""Stored events as they are handed out: one record a row, under the names of the API."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.events.views import InteractionView

if TYPE_CHECKING:
    from collections.abc import Mapping

_MICROS: Final = 1_000_000
_EMPTY: Final = msgspec.Raw(b"{}")


class StoredResult(msgspec.Struct, frozen=True):
    """One document of a list, in shown order."""

    document_id: str
    score: float | None
    logging_probability: float | None


class StoredSearch(msgspec.Struct, frozen=True):
    """A search out of the store."""

    search_id: str
    offset: int
    retriever_id: str
    query: str
    timestamp: datetime
    user_id: str | None
    session_id: str | None
    filters: msgspec.Raw | None
    total: int | None
    surface: str | None
    device: str | None
    actor: str
    pipeline_version: str | None
    variant: str | None
    tags: msgspec.Raw | None
    latency_ms: float | None
    results: list[StoredResult] | None
    """In shown order; null where the list is unknown."""
    features: msgspec.Raw | None = None
    """What a ranker saw of the results; null where none looked."""


def to_interaction(row: Mapping[str, Any]) -> InteractionView:
    """Turn a row of `interactions_page` and its like into a record."""
    metadata, micros = row["metadata"], row["value_micros"]
    return InteractionView(
        interaction_id=row["interaction_id"],
        feature_id=row["feature_id"],
        interaction_type=row["interaction_type"],
        position=row["position"],
        metadata=msgspec.Raw(metadata.encode()) if metadata else _EMPTY,
        user_id=row["user_id"],
        session_id=row["session_id"],
        search_id=row["search_id"],
        retriever_id=row["retriever_id"],
        timestamp=row["timestamp"].replace(tzinfo=UTC),
        value=None if micros is None else micros / _MICROS,
        currency=row["currency"],
    )


def to_search(row: Mapping[str, Any]) -> StoredSearch:
    """Turn a row of `user_searches` into a record."""
    return StoredSearch(
        search_id=row["search_id"],
        offset=row["offset"],
        retriever_id=row["retriever_id"],
        query=row["query"],
        timestamp=row["timestamp"].replace(tzinfo=UTC),
        user_id=row["user_id"],
        session_id=row["session_id"],
        filters=_to_raw(row["filters"]),
        total=row["total"],
        surface=row["surface"],
        device=row["device"],
        actor=row["actor"],
        pipeline_version=row["pipeline_version"],
        variant=row["variant"],
        tags=_to_raw(row["tags"]),
        latency_ms=row["latency_ms"],
        results=_to_results(row),
        features=_to_raw(row["features"]),
    )


def _to_raw(text: str | None) -> msgspec.Raw | None:
    """Hand JSON text through as it is."""
    return msgspec.Raw(text.encode()) if text else None


def _to_results(row: Mapping[str, Any]) -> list[StoredResult] | None:
    """Pair the lists of a row; NaN means unknown."""
    if row["n_results"] is None and not row["document_ids"]:
        return None
    lists = (row["document_ids"], row["scores"], row["logging_probabilities"])
    return [
        StoredResult(document_id, _known(score), _known(chance))
        for document_id, score, chance in zip(*lists, strict=True)
    ]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
