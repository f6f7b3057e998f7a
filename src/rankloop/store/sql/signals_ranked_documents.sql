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
    SELECT document_key, position, impressions, clicks
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
        h.clicked AS clicks
    FROM click_log h
    JOIN edges e ON e.search_key = h.search_key
    WHERE h."day" = $start::TIMESTAMP::DATE OR h."day" = $end::TIMESTAMP::DATE
),
shown AS (
    SELECT
        document_key,
        sum(clicks)::BIGINT AS clicks,
        sum(
            impressions * list_extract(
                $position_rates::DOUBLE[],
                least(position + 1, array_length($position_rates::DOUBLE[]))
            )
        ) AS expected
    FROM cells
    GROUP BY document_key
),
most_clicked AS (
    SELECT document_key
    FROM shown
    WHERE clicks > 0
    ORDER BY clicks DESC, document_key
    LIMIT $limit
)
SELECT document_key, clicks, expected
FROM shown
WHERE expected >= $min_expected::DOUBLE
    OR document_key IN (SELECT document_key FROM most_clicked)
ORDER BY document_key
