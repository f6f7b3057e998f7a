-- The documents that were clicked most.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
--   limit BIGINT: most rows
-- Columns:
--   document_key BIGINT: the document, as a number
--   clicks BIGINT: impressions that were clicked
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
)
SELECT
    h.document_key AS document_key,
    count(*) AS clicks
FROM click_log h
ANTI JOIN edges e ON e.search_key = h.search_key
WHERE h.clicked = 1
    AND ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
    AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
    AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
    AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
    AND (h.is_counted OR $include_robots::BOOLEAN)
GROUP BY h.document_key
ORDER BY clicks DESC, h.document_key
LIMIT $limit
