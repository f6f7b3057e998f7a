-- How many people and sessions did something, for logs without searches.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only what was credited to a list shown there
--   device VARCHAR: only what was credited to a list on this kind of device, and orphans from it
-- Columns:
--   users BIGINT: different users
--   sessions BIGINT: different sessions as sent
WITH segment AS (
    SELECT search_key
    FROM search_log
    WHERE ($surface::VARCHAR IS NOT NULL OR $device::VARCHAR IS NOT NULL)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
)
SELECT
    count(DISTINCT i.user_key)::BIGINT AS users,
    count(DISTINCT i.session_id)::BIGINT AS sessions
FROM interactions i
LEFT JOIN credits c ON c.interaction_key = i.interaction_key
WHERE ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
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
