-- Queries whose lack of results was reported by an interaction of its own, without a search.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only what was credited to a list shown there
--   device VARCHAR: only what was credited to a list on this kind of device, and orphans from it
--   limit BIGINT: most rows
-- Columns:
--   query_key VARCHAR: the information need
--   query VARCHAR: one of its texts, as typed
--   reported BIGINT: how often
WITH segment AS (
    SELECT search_key
    FROM search_log
    WHERE ($surface::VARCHAR IS NOT NULL OR $device::VARCHAR IS NOT NULL)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
)
SELECT
    i.query_key AS query_key,
    max(i.query) AS query,
    count(*) AS reported
FROM interactions i
LEFT JOIN credits c ON c.interaction_key = i.interaction_key
WHERE i.type_mask & 8192 > 0
    AND i.search_id IS NULL
    AND i.query_key IS NOT NULL
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
ORDER BY reported DESC, i.query_key
LIMIT $limit
