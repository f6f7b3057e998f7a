-- Queries that interactions themselves name, for logs without searches.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only what was credited to a list shown there
--   device VARCHAR: only what was credited to a list on this kind of device, and orphans from it
--   limit BIGINT: most rows
--   offset BIGINT: rows to leave out first
-- Columns:
--   query_key VARCHAR: the information need
--   query VARCHAR: one of its texts, as typed
--   interactions BIGINT: how many name it
--   clicks BIGINT: how many of them were clicks
--   n_queries BIGINT: different queries in all
WITH segment AS (
    SELECT search_key
    FROM search_log
    WHERE ($surface::VARCHAR IS NOT NULL OR $device::VARCHAR IS NOT NULL)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
),
per_query AS (
    SELECT
        i.query_key AS query_key,
        max(i.query) AS query,
        count(*) AS interactions,
        coalesce(count(*) FILTER (WHERE i.type_mask & 2 > 0), 0)::BIGINT AS clicks
    FROM interactions i
    LEFT JOIN credits c ON c.interaction_key = i.interaction_key
    WHERE i.query_key IS NOT NULL
        AND ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
        AND (
            ($surface::VARCHAR IS NULL AND $device::VARCHAR IS NULL)
            OR c.search_key IN (SELECT search_key FROM segment)
            OR (
                c.search_key IS NULL
                AND $surface::VARCHAR IS NULL
                AND i.device = $device::VARCHAR
            )
        )
    GROUP BY i.query_key
),
totals AS (SELECT count(*) AS n_queries FROM per_query)
SELECT q.*, t.n_queries
FROM per_query q
CROSS JOIN totals t
ORDER BY q.interactions DESC, q.query_key
LIMIT $limit OFFSET $offset
