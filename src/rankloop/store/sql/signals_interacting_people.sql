-- How many people and sessions did something, for logs without searches.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only what followed a list shown there
--   device VARCHAR: only on this kind of device
-- Columns:
--   users BIGINT: different users
--   sessions BIGINT: different sessions as sent
SELECT
    count(DISTINCT i.user_key)::BIGINT AS users,
    count(DISTINCT i.session_id)::BIGINT AS sessions
FROM interactions i
LEFT JOIN credits c ON c.interaction_key = i.interaction_key
LEFT JOIN search_log l ON l.search_key = c.search_key
WHERE ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
    AND ($surface::VARCHAR IS NULL OR l.surface = $surface::VARCHAR)
    AND ($device::VARCHAR IS NULL OR coalesce(l.device, i.device) = $device::VARCHAR)
