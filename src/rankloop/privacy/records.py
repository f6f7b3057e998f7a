"""Stored events as they are handed out: one record a row, under the names of the API."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.events.views import InteractionView, to_moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rankloop.store.base import EventStore, Value

ROWS_AT_A_TIME: Final = 10_000
"""How many rows are read with one question."""

_MICROS: Final = 1_000_000
_EMPTY: Final = msgspec.Raw(b"{}")


class StoredInteraction(InteractionView, frozen=True, kw_only=True):
    """An interaction out of the store."""

    received_at: datetime
    """When it arrived, UTC."""
    source: str
    """Which way it came in."""


class StoredResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """One document of a list, in shown order."""

    document_id: str
    score: float | None = None
    logging_probability: float | None = None


class StoredSearch(msgspec.Struct, frozen=True):
    """A search out of the store; `results` is null where the list is unknown."""

    search_id: str
    offset: int
    retriever_id: str
    query: str
    timestamp: datetime
    received_at: datetime
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
    source: str
    results: list[StoredResult] | None


def to_interaction(row: Mapping[str, Any]) -> StoredInteraction:
    """Turn a row of `interactions_page` into a record."""
    metadata, micros = row["metadata"], row["value_micros"]
    return StoredInteraction(
        interaction_id=row["interaction_id"],
        feature_id=row["feature_id"],
        interaction_type=row["interaction_type"],
        position=row["position"],
        metadata=msgspec.Raw(metadata.encode()) if metadata else _EMPTY,
        user_id=row["user_id"],
        session_id=row["session_id"],
        search_id=row["search_id"],
        retriever_id=row["retriever_id"],
        timestamp=to_moment(row["at_us"]),
        value=None if micros is None else micros / _MICROS,
        currency=row["currency"],
        received_at=to_moment(row["received_at_us"]),
        source=row["source"],
    )


def to_search(row: Mapping[str, Any]) -> StoredSearch:
    """Turn a row of `export_searches` into a record."""
    return StoredSearch(
        search_id=row["search_id"],
        offset=row["offset"],
        retriever_id=row["retriever_id"],
        query=row["query"],
        timestamp=row["timestamp"].replace(tzinfo=UTC),
        received_at=row["received_at"].replace(tzinfo=UTC),
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
        source=row["source"],
        results=_to_results(row),
    )


def iter_interactions(
    store: EventStore, parameters: Mapping[str, Value]
) -> Iterator[list[StoredInteraction]]:
    """Read interactions in the order of arrival, some thousand at a time.

    Args:
        store: Where they are.
        parameters: Those of the question `export_interactions`, without the paging.
    """
    for rows in _iter_pages(store, "export_interactions", parameters, "interaction_key"):
        yield [to_interaction(_as_micros(row)) for row in rows]


def iter_searches(
    store: EventStore, parameters: Mapping[str, Value]
) -> Iterator[list[StoredSearch]]:
    """Read searches in the order of arrival, some thousand at a time.

    Args:
        store: Where they are.
        parameters: Those of the question `export_searches`, without the paging.
    """
    for rows in _iter_pages(store, "export_searches", parameters, "search_key"):
        yield [to_search(row) for row in rows]


def _iter_pages(
    store: EventStore, question: str, parameters: Mapping[str, Value], key: str
) -> Iterator[list[dict[str, Any]]]:
    """Ask for page after page, each behind the last key of the one before."""
    after_key = 0
    while True:
        page = {**parameters, "after_key": after_key, "limit": ROWS_AT_A_TIME}
        rows = store.ask(question, page).to_pylist()
        if rows:
            yield rows
        if len(rows) < ROWS_AT_A_TIME:
            return
        after_key = rows[-1][key]


def _as_micros(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row of `export_interactions` the columns of `interactions_page`."""
    value = row["value"]
    return {
        **row,
        "at_us": _to_us(row["timestamp"]),
        "received_at_us": _to_us(row["received_at"]),
        "value_micros": None if value is None else round(value * _MICROS),
    }


def _to_us(moment: datetime) -> int:
    """Return a naive UTC moment as microseconds."""
    delta = moment - datetime(1970, 1, 1)  # noqa: DTZ001 the store's moments are naive UTC
    return (delta.days * 86_400 + delta.seconds) * _MICROS + delta.microseconds


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
