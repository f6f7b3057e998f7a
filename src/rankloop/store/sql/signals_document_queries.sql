-- For each of a few documents, the query in which it lost most clicks against its positions.
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
--   document_keys BIGINT[]: the documents that are listed
-- Columns:
--   document_key BIGINT: the document, as a number
--   query_key VARCHAR: the information need
--   query VARCHAR: one of its texts, as typed
--   impressions BIGINT: how often the document was shown for it
--   clicks BIGINT: impressions that were clicked
--   expected DOUBLE: clicks that the positions get from everyone
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
),
pairs AS (
    SELECT
        h.document_key AS document_key,
        h.query_key AS query_key,
        max(h.search_key) AS search_key,
        count(*) AS impressions,
        sum(h.clicked)::BIGINT AS clicks,
        coalesce(
            sum(
                list_extract(
                    $position_rates::DOUBLE[],
                    least(h.position + 1, array_length($position_rates::DOUBLE[]))
                )
            ),
            0
        ) AS expected
    FROM click_log h
    ANTI JOIN edges e ON e.search_key = h.search_key
    WHERE h.document_key IN (SELECT unnest($document_keys::BIGINT[]))
        AND ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
        AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
        AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
        AND (h.is_counted OR $include_robots::BOOLEAN)
    GROUP BY h.document_key, h.query_key
),
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY document_key ORDER BY round(expected - clicks, 6) DESC, query_key
        ) AS place
    FROM pairs
)
SELECT
    r.document_key AS document_key,
    r.query_key AS query_key,
    s.query AS query,
    r.impressions AS impressions,
    r.clicks AS clicks,
    r.expected AS expected
FROM ranked r
JOIN searches s ON s.search_key = r.search_key
WHERE r.place = 1
ORDER BY r.document_key
