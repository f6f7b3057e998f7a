"""Made-up traffic of any size, written into a store by its own engine.

Queries and documents follow Zipf's law, clicks fall with the rank, a tenth of the users come again
and again. It is for measuring time: nothing is to be learned from it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.store.base import EventStore

_SEARCHES: Final = """
CREATE OR REPLACE TEMP TABLE made_searches AS
SELECT
    n AS list_number,
    'search-' || n AS search_id,
    0 AS page_offset,
    TIMESTAMP '2026-09-01' + to_seconds(n * {days} * 86400 // {n_searches}) AS "at",
    "at" AS received_at,
    'shop' AS retriever_id,
    CAST(NULL AS VARCHAR) AS pipeline_version,
    'query ' || topic AS query,
    substr(md5('query ' || topic), 1, 16) AS query_key,
    CAST(NULL AS VARCHAR) AS filters,
    'u~' || (hash(n * 3) % {n_users}) AS user_key,
    'session-' || (n // 4) AS session_id,
    'web' AS surface,
    CASE WHEN n % 3 = 0 THEN 'mobile' ELSE 'desktop' END AS device,
    'human' AS actor,
    CAST(NULL AS VARCHAR) AS variant,
    CAST(NULL AS BIGINT) AS total,
    CAST(NULL AS DOUBLE) AS latency_ms,
    CAST(NULL AS VARCHAR) AS tags,
    'bench' AS source,
    10 AS n_results
FROM (
    SELECT n, CAST(exp((hash(n) % 1000000) / 1e6 * ln({n_queries})) AS BIGINT) AS topic
    FROM (SELECT unnest(range($first::BIGINT, $last::BIGINT)) AS n)
)
"""

_IMPRESSIONS: Final = """
CREATE OR REPLACE TEMP TABLE made_impressions AS
SELECT
    list_number,
    CAST(place AS INTEGER) AS position,
    'document-' || (
        hash(query_key || ':' || (place + list_number % 3)) % {documents_per_topic} * {n_topics}
        + CAST(substr(query, 7) AS BIGINT) % {n_topics}
    ) AS document_id,
    CAST(10 - place AS DOUBLE) AS score,
    CAST(NULL AS DOUBLE) AS logging_probability
FROM made_searches, (SELECT unnest(range(0, 10)) AS place)
"""

_INTERACTIONS: Final = """
CREATE OR REPLACE TEMP TABLE made_interactions AS
SELECT
    'interaction-' || i.list_number || '-' || i.position AS interaction_id,
    s."at" + to_seconds(5 + hash(i.list_number) % 90) AS "at",
    s."at" + to_seconds(5 + hash(i.list_number) % 90) AS received_at,
    'shop' AS retriever_id,
    CASE WHEN i.list_number % 2 = 0 THEN s.search_id END AS search_id,
    i.document_id,
    CASE WHEN is_bought THEN ['click', 'purchase'] ELSE ['click'] END AS types,
    CASE WHEN is_bought THEN CAST(10 AS BIGINT) ELSE CAST(2 AS BIGINT) END AS type_mask,
    i.position,
    CAST(NULL AS VARCHAR) AS query,
    CAST(NULL AS VARCHAR) AS query_key,
    s.user_key,
    s.session_id,
    CAST(NULL AS VARCHAR) AS device,
    CAST(NULL AS DOUBLE) AS duration_ms,
    CAST(NULL AS BIGINT) AS value_micros,
    CAST(NULL AS VARCHAR) AS currency,
    CAST(NULL AS VARCHAR) AS metadata,
    'bench' AS source
FROM (
    SELECT *, hash(list_number * 16 + position + 7) % 1000 < {purchases} AS is_bought
    FROM made_impressions
) i
JOIN made_searches s ON s.list_number = i.list_number
WHERE hash(i.list_number * 16 + i.position) % 1000 < 342 / (i.position + 1)
"""

_KNOWN: Final = """
CREATE OR REPLACE TEMP TABLE made_interactions AS
SELECT
    'known-' || n AS interaction_id,
    TIMESTAMP '2026-09-01' + to_seconds(n % 7776000) AS "at",
    "at" AS received_at,
    'shop' AS retriever_id,
    CAST(NULL AS VARCHAR) AS search_id,
    'document-' || (hash(n) % 100000) AS document_id,
    ['click'] AS types,
    CAST(2 AS BIGINT) AS type_mask,
    CAST(n % 10 AS INTEGER) AS position,
    CAST(NULL AS VARCHAR) AS query,
    CAST(NULL AS VARCHAR) AS query_key,
    'u~' || (hash(n * 3) % 200000) AS user_key,
    CAST(NULL AS VARCHAR) AS session_id,
    CAST(NULL AS VARCHAR) AS device,
    CAST(NULL AS DOUBLE) AS duration_ms,
    CAST(NULL AS BIGINT) AS value_micros,
    CAST(NULL AS VARCHAR) AS currency,
    CAST(NULL AS VARCHAR) AS metadata,
    'bench' AS source
FROM (SELECT unnest(range($first::BIGINT, $last::BIGINT)) AS n)
"""


@dataclass(frozen=True, slots=True)
class TrafficSpec:
    """How much traffic to make."""

    n_searches: int = 2_000_000
    """Lists of ten."""

    n_queries: int = 20_000
    n_documents: int = 100_000
    n_users: int = 200_000
    days: int = 90
    n_topics: int = 1
    """Query n is about documents whose numbers leave the rest n % n_topics."""

    purchases: int = 0
    """Of 1,000 clicks, those that are purchases too."""

    batch: int = 100_000
    """Searches made at a time."""


def name_need(number: int) -> str:
    """Return the key that the traffic gives to `query <number>`.

    Example:
        >>> name_need(1)
        'ddaa18588ebf5cef'
    """
    text = f"query {number}".encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()[:16]


def write_traffic(store: EventStore, spec: TrafficSpec, say: Callable[[str], None]) -> int:
    """Fill a store; return the number of interactions, about one a search."""
    values = {
        "days": spec.days,
        "n_searches": spec.n_searches,
        "n_queries": spec.n_queries,
        "documents_per_topic": spec.n_documents // spec.n_topics,
        "n_topics": spec.n_topics,
        "n_users": spec.n_users,
        "purchases": spec.purchases,
    }
    n_interactions = 0
    with store.staging() as staging:
        for first in range(1, spec.n_searches + 1, spec.batch):
            last = min(first + spec.batch, spec.n_searches + 1)
            staging.execute(_SEARCHES.format(**values), {"first": first, "last": last})
            staging.execute(_IMPRESSIONS.format(**values))
            staging.execute(_INTERACTIONS.format(**values))
            appended = staging.append("made_searches", "made_impressions", "made_interactions")
            n_interactions += appended.interactions
            say(f"made {last - 1:,} of {spec.n_searches:,} searches")
    return n_interactions


def write_known(store: EventStore, n_known: int, say: Callable[[str], None]) -> None:
    """Fill a store with interactions of which only the ids matter, and let it index them."""
    batch = 1_000_000
    with store.staging() as staging:
        for first in range(0, n_known, batch):
            last = min(first + batch, n_known)
            staging.execute(_KNOWN, {"first": first, "last": last})
            staging.append(None, None, "made_interactions")
            say(f"made {last:,} of {n_known:,} known interactions")
    for _ in store.identifier_hashes("interaction"):
        pass
