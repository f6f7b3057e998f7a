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
-- Whole days are read added up; of the window's first and last day, the lists inside it.
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day"::TIMESTAMP < $start::TIMESTAMP
            OR "day"::TIMESTAMP + INTERVAL 1 DAY > $end::TIMESTAMP)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
),
cells AS (
    SELECT document_key, position, impressions, clicks, conversions
    FROM document_days
    WHERE ($start::TIMESTAMP IS NULL OR "day"::TIMESTAMP >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "day"::TIMESTAMP + INTERVAL 1 DAY <= $end::TIMESTAMP)
        AND ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
    UNION ALL
    SELECT
        h.document_key AS document_key,
        h.position AS position,
        1 AS impressions,
        h.clicked AS clicks,
        h.converted AS conversions
    FROM click_log h
    JOIN edges e ON e.search_key = h.search_key
    WHERE h."day" = $start::TIMESTAMP::DATE OR h."day" = $end::TIMESTAMP::DATE
),
per_document AS (
    SELECT
        document_key,
        sum(impressions)::BIGINT AS impressions,
        sum(clicks)::BIGINT AS clicks,
        sum(conversions)::BIGINT AS conversions,
        sum(impressions::BIGINT * position)::BIGINT AS positions
    FROM cells
    GROUP BY document_key
),
totals AS (SELECT count(*) AS n_documents FROM per_document)
SELECT d.*, t.n_documents
FROM per_document d
CROSS JOIN totals t
ORDER BY d.clicks DESC, d.impressions DESC, d.document_key
LIMIT $limit OFFSET $offset
