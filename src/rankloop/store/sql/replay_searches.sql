-- The latest searches, as they could be made again.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: only lists from this moment on
--   end TIMESTAMP: only lists before this moment
--   limit BIGINT: most rows
-- Columns:
--   query_key VARCHAR: the information need
--   query VARCHAR: what was asked for
--   filters VARCHAR: JSON text
--   user_key VARCHAR: the user as stored
--   session_id VARCHAR: the session as sent
SELECT s.query_key, s.query, s.filters, s.user_key, s.session_id
FROM searches s
JOIN search_log l ON l.search_key = s.search_key
WHERE l.is_counted
    AND s.page_offset = 0
    AND ($retriever_id::VARCHAR IS NULL OR s.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR s."at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR s."at" < $end::TIMESTAMP)
ORDER BY s."at" DESC, s.search_key DESC
LIMIT $limit
