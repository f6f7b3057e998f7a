-- How often each document was shown and clicked for each query, by week and position.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
-- Columns:
--   query_key VARCHAR: the information need
--   document_id VARCHAR: the document
--   week DATE: Monday of the week
--   position INTEGER: where it stood, from 0, page offset included
--   n BIGINT: impressions
--   clicks BIGINT: impressions that were clicked
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
)
SELECT
    h.query_key AS query_key,
    h.document_id AS document_id,
    date_trunc('week', h."day")::DATE AS week,
    h.position AS position,
    count(*) AS n,
    sum(h.clicked)::BIGINT AS clicks
FROM click_log h
ANTI JOIN edges e ON e.search_key = h.search_key
WHERE h.is_counted
    AND ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
    AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
GROUP BY h.query_key, h.document_id, date_trunc('week', h."day")::DATE, h.position
ORDER BY query_key, document_id, week, position
