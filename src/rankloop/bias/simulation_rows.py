"""Simulated logs as others take them: a table of impressions, and lines of the wire's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rankloop.bias.simulation import SimulatedLog, SimulationConfig

WEEK_S: Final = 7 * 86_400
CLICK_AFTER_S: Final = 5
"""How long after the list its first place is clicked; each further place takes as long again."""


@dataclass(frozen=True, slots=True)
class RowConfig:
    """How a simulated log is written down."""

    start_at: datetime = datetime(2026, 1, 5, tzinfo=UTC)
    """When the first search happens; a Monday, if weeks are to stay whole."""

    retriever_id: str = "simulated"
    """Whose log it is."""

    prefix: str = "sim"
    """Begins each `search_id`; the number of the search ends it."""


def to_impressions(
    log: SimulatedLog, simulation: SimulationConfig, config: RowConfig | None = None
) -> pa.Table:
    """Return one row per impression, ready for a Parquet file.

    Returns:
        Columns `search` (int64), `at` (timestamp in UTC), `user` (int64), `query_key` and
        `document_id` (texts), `position` (int32) and `clicked` (bool), by search and position.
    """
    config = config or RowConfig()
    lists, pairs = log.lists, log.lists.numbering
    shown = lists.is_shown
    row, position = np.nonzero(shown)
    pair = lists.pairs[shown]
    query_keys = pa.array(pairs.query_keys, pa.string())
    document_ids = pa.array(pairs.document_ids, pa.string())
    at = _to_moments(log, simulation, config)
    return pa.table(
        {
            "search": log.first + row,
            "at": pa.array(at[row], pa.timestamp("us", tz="UTC")),
            "user": log.person[row],
            "query_key": query_keys.take(pa.array(pairs.query[pair])),
            "document_id": document_ids.take(pa.array(pair)),
            "position": position.astype(np.int32),
            "clicked": lists.clicks[shown],
        }
    )


def iter_search_lines(
    log: SimulatedLog, simulation: SimulationConfig, config: RowConfig | None = None
) -> Iterator[bytes]:
    """Yield a line of JSON per list, as `POST /v1/searches` and `rankloop import` take them."""
    config = config or RowConfig()
    encode = msgspec.json.Encoder().encode
    moments = _to_texts(_to_moments(log, simulation, config))
    pairs = log.lists.numbering
    for row, held in enumerate(log.lists.pairs):
        yield encode(
            {
                "search_id": f"{config.prefix}-{log.first + row}",
                "retriever_id": config.retriever_id,
                "query": pairs.query_keys[log.query[row]],
                "timestamp": moments[row],
                "user_id": f"person-{log.person[row]}",
                "session_id": f"{config.prefix}-session-{log.first + row}",
                "results": [
                    {
                        "document_id": pairs.document_ids[pair],
                        "logging_probability": float(log.logging_probability[row, place]),
                    }
                    for place, pair in enumerate(held[held >= 0])
                ],
            }
        )


def iter_interaction_lines(
    log: SimulatedLog, simulation: SimulationConfig, config: RowConfig | None = None
) -> Iterator[bytes]:
    """Yield a line of JSON per click, as `POST /v1/retrievers/interactions` takes them."""
    config = config or RowConfig()
    encode = msgspec.json.Encoder().encode
    row, position = np.nonzero(log.lists.clicks)
    after_us = (position + 1) * CLICK_AFTER_S * 1_000_000
    moments = _to_texts(_to_moments(log, simulation, config)[row] + after_us)
    documents = log.lists.numbering.document_ids[log.lists.pairs[row, position]]
    for place, search in enumerate(row.tolist()):
        number = log.first + search
        yield encode(
            {
                "interaction_id": f"{config.prefix}-click-{number}-{position[place]}",
                "feature_id": documents[place],
                "interaction_type": ["click"],
                "position": int(position[place]),
                "timestamp": moments[place],
                "user_id": f"person-{log.person[search]}",
                "session_id": f"{config.prefix}-session-{number}",
                "search_id": f"{config.prefix}-{number}",
                "retriever_id": config.retriever_id,
            }
        )


def _to_moments(
    log: SimulatedLog, simulation: SimulationConfig, config: RowConfig
) -> NDArray[np.int64]:
    """Spread searches evenly over the weeks; microseconds since 1970, `[n_searches]`."""
    number = log.first + np.arange(len(log.lists))
    span_us = simulation.n_weeks * WEEK_S * 1_000_000
    step_us = span_us / simulation.n_searches
    start_us = int(config.start_at.timestamp()) * 1_000_000
    return np.asarray(start_us + (number * step_us).astype(np.int64), dtype=np.int64)


def _to_texts(at_us: NDArray[np.int64]) -> list[str]:
    """Write moments as RFC 3339 in UTC, to the millisecond."""
    moments = at_us.astype("datetime64[us]").astype("datetime64[ms]")
    return [f"{text}Z" for text in np.datetime_as_string(moments)]
