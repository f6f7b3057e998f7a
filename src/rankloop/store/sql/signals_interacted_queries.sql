-- Queries that interactions themselves name, for logs without searches.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only what followed a list shown there
--   device VARCHAR: only on this kind of device
--   limit BIGINT: most rows
--   offset BIGINT: rows to leave out first
-- Columns:
--   query_key VARCHAR: the information need
--   query VARCHAR: one of its texts, as typed
--   interactions BIGINT: how many name it
--   clicks BIGINT: how many of them were clicks
--   n_queries BIGINT: different queries in all
WITH per_query AS (
    SELECT
        i.query_key AS query_key,
        max(i.query) AS query,
        count(*) AS interactions,
        coalesce(count(*) FILTER (WHERE i.type_mask & 2 > 0), 0)::BIGINT AS clicks
    FROM interactions i
    LEFT JOIN credits c ON c.interaction_key = i.interaction_key
    LEFT JOIN search_log l ON l.search_key = c.search_key
    WHERE i.query_key IS NOT NULL
        AND ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR l.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR coalesce(l.device, i.device) = $device::VARCHAR)
    GROUP BY i.query_key
),
totals AS (SELECT count(*) AS n_queries FROM per_query)
SELECT q.*, t.n_queries
FROM per_query q
CROSS JOIN totals t
ORDER BY q.interactions DESC, q.query_key
LIMIT $limit OFFSET $offset
