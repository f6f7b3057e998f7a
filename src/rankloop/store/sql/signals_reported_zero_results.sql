-- Queries whose lack of results was reported by an interaction of its own, without a search.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only what followed a list shown there
--   device VARCHAR: only on this kind of device
--   limit BIGINT: most rows
-- Columns:
--   query_key VARCHAR: the information need
--   query VARCHAR: one of its texts, as typed
--   reported BIGINT: how often
SELECT
    i.query_key AS query_key,
    max(i.query) AS query,
    count(*) AS reported
FROM interactions i
LEFT JOIN credits c ON c.interaction_key = i.interaction_key
LEFT JOIN search_log l ON l.search_key = c.search_key
WHERE i.type_mask & 8192 > 0
    AND i.search_id IS NULL
    AND i.query_key IS NOT NULL
    AND ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
    AND ($surface::VARCHAR IS NULL OR l.surface = $surface::VARCHAR)
    AND ($device::VARCHAR IS NULL OR coalesce(l.device, i.device) = $device::VARCHAR)
GROUP BY i.query_key
ORDER BY reported DESC, i.query_key
LIMIT $limit
