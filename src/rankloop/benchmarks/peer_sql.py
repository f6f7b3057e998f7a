"""The peer of the analytics benchmark: a home-made script's SQL over the raw events.

It joins clicks to lists by session and document and counts; it has no intervals, no robots, no
re-rendered lists, no expected clicks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rankloop.store.base import EventStore

_CLICKS: Final = """
CREATE OR REPLACE TEMP TABLE peer_clicks AS
SELECT DISTINCT i.search_key, i.position
FROM interactions c
JOIN searches s ON c.session_id = s.session_id AND c."at" >= s."at"
JOIN impressions i ON i.search_key = s.search_key AND i.document_id = c.document_id
WHERE list_contains(c.types, 'click')
"""

_QUESTIONS: Final = (
    "SELECT count(*), count(*) FILTER (WHERE n_results = 0) FROM searches",
    """
    SELECT i.position, count(*) AS n, count(c.search_key) AS clicks
    FROM impressions i LEFT JOIN peer_clicks c USING (search_key, position)
    GROUP BY ALL ORDER BY ALL
    """,
    """
    SELECT i.document_id, count(*) AS n, count(c.search_key) AS clicks
    FROM impressions i LEFT JOIN peer_clicks c USING (search_key, position)
    WHERE i.position < 3 GROUP BY ALL ORDER BY clicks / n LIMIT 20
    """,
    """
    SELECT s.query, count(*) AS n, count(c.search_key) AS clicked
    FROM searches s LEFT JOIN (SELECT DISTINCT search_key FROM peer_clicks) c USING (search_key)
    GROUP BY ALL HAVING clicked / n < 0.05 ORDER BY n DESC LIMIT 20
    """,
    "SELECT avg(first) FROM (SELECT min(position) AS first FROM peer_clicks GROUP BY search_key)",
)


def ask_plainly(store: EventStore) -> int:
    """Ask all of it once and return the number of rows in the answers."""
    with store.staging() as staging:
        staging.execute(_CLICKS)
        return sum(staging.execute(question).num_rows for question in _QUESTIONS)
