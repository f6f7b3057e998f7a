-- Documents that were ranked high, and how many clicks they got and were to get there.
--
-- Expected clicks are those that the positions shown got from everyone: a position's rate is its
-- clicks over its impressions.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
--   ranked_high INTEGER: only impressions above this position
--   min_expected DOUBLE: only documents with so many expected clicks
-- Columns:
--   document_key BIGINT: the document, as a number
--   impressions BIGINT: how often it was shown there
--   clicks BIGINT: impressions that were clicked
--   expected DOUBLE: clicks that the positions it was shown at get from everyone
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
),
positions AS (
    SELECT h.position AS position, sum(h.clicked) / count(*) AS rate
    FROM click_log h
    ANTI JOIN edges e ON e.search_key = h.search_key
    WHERE ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
        AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
        AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
        AND (h.is_counted OR $include_robots::BOOLEAN)
    GROUP BY h.position
)
SELECT
    h.document_key AS document_key,
    count(*) AS impressions,
    sum(h.clicked)::BIGINT AS clicks,
    sum(p.rate) AS expected
FROM click_log h
JOIN positions p ON p.position = h.position
ANTI JOIN edges e ON e.search_key = h.search_key
WHERE p.position < $ranked_high::INTEGER
    AND ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
    AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
    AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
    AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
    AND (h.is_counted OR $include_robots::BOOLEAN)
GROUP BY h.document_key
HAVING sum(p.rate) >= $min_expected::DOUBLE
ORDER BY h.document_key
