-- Every document shown, most clicked first.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
--   limit BIGINT: most rows
--   offset BIGINT: rows to leave out first
-- Columns:
--   document_key BIGINT: the document, as a number
--   impressions BIGINT: how often it was shown
--   clicks BIGINT: impressions that were clicked
--   conversions BIGINT: impressions that led to a purchase or a cart
--   positions BIGINT: sum of the positions it was shown at
--   n_documents BIGINT: different documents in all
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
),
per_document AS (
    SELECT
        h.document_key AS document_key,
        count(*) AS impressions,
        sum(h.clicked)::BIGINT AS clicks,
        sum(h.converted)::BIGINT AS conversions,
        sum(h.position)::BIGINT AS positions
    FROM click_log h
    ANTI JOIN edges e ON e.search_key = h.search_key
    WHERE ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
        AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
        AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
        AND (h.is_counted OR $include_robots::BOOLEAN)
    GROUP BY h.document_key
),
totals AS (SELECT count(*) AS n_documents FROM per_document)
SELECT d.*, t.n_documents
FROM per_document d
CROSS JOIN totals t
ORDER BY d.clicks DESC, d.impressions DESC, d.document_key
LIMIT $limit OFFSET $offset
