-- Documents with enough expected clicks to be tested, and those that were clicked most.
--
-- Expected clicks are those that the positions shown get from everyone; signals_positions says how
-- many that are.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
--   position_rates DOUBLE[]: click rate of each position from 0; deeper ones have the last
--   min_expected DOUBLE: documents with so many expected clicks
--   limit BIGINT: how many of the most clicked documents
-- Columns:
--   document_key BIGINT: the document, as a number
--   clicks BIGINT: impressions that were clicked
--   expected DOUBLE: clicks that the positions it was shown at get from everyone
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
),
shown AS (
    SELECT
        h.document_key AS document_key,
        sum(
            list_extract(
                $position_rates::DOUBLE[],
                least(h.position + 1, array_length($position_rates::DOUBLE[]))
            )
        ) AS expected
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
-- Few rows are clicked, so that counting them apart is cheaper than adding up all.
clicked AS (
    SELECT h.document_key AS document_key, count(*) AS clicks
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
),
most_clicked AS (
    SELECT document_key
    FROM clicked
    ORDER BY clicks DESC, document_key
    LIMIT $limit
)
SELECT
    s.document_key AS document_key,
    coalesce(c.clicks, 0)::BIGINT AS clicks,
    s.expected AS expected
FROM shown s
LEFT JOIN clicked c ON c.document_key = s.document_key
WHERE s.expected >= $min_expected::DOUBLE
    OR s.document_key IN (SELECT document_key FROM most_clicked)
ORDER BY s.document_key
