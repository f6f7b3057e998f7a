-- How often each document was looked at and clicked for each query before a day, most clicks first.
--
-- A click counts from the moment it was made: one that came after the window's end, on a list shown
-- within it, does not. Looks are showings, each weighed by the chance that its position is looked at.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: lists from this moment on, the first of a day
--   end TIMESTAMP: lists and clicks before this one, the first of a day
--   examination DOUBLE[]: chance that a position is looked at; the last holds for all behind it
--   n_positions BIGINT: length of that list
--   limit BIGINT: most rows
-- Columns:
--   pair_key BIGINT: the numbers made of `query_key` and of `document_id`, their bits compared
--   clicks BIGINT: impressions that were clicked by then
--   looks DOUBLE: how often it was looked at, expected
WITH late AS (
    SELECT h.search_key AS search_key, h.position AS position
    FROM click_log h
    JOIN search_log l ON l.search_key = h.search_key
    WHERE h.clicked = 1
        AND h."day" >= $start::TIMESTAMP::DATE
        AND h."day" < $end::TIMESTAMP::DATE
        AND h.retriever_id = $retriever_id::VARCHAR
        AND epoch_us(l."at") + coalesce(h.first_click_delay_ms, 0) * 1000
            >= epoch_us($end::TIMESTAMP)
),
shown AS (
    SELECT
        h.query_key AS query_key,
        h.document_key AS document_key,
        h.position AS position,
        count(*) AS n,
        sum(CASE WHEN t.search_key IS NULL THEN h.clicked ELSE 0 END)::BIGINT AS clicks
    FROM click_log h
    LEFT JOIN late t ON t.search_key = h.search_key AND t.position = h.position
    WHERE h.is_counted
        AND h."day" >= $start::TIMESTAMP::DATE
        AND h."day" < $end::TIMESTAMP::DATE
        AND h.retriever_id = $retriever_id::VARCHAR
    GROUP BY h.query_key, h.document_key, h.position
),
pairs AS (
    SELECT
        query_key,
        document_key,
        sum(clicks)::BIGINT AS clicks,
        sum(n * list_extract($examination::DOUBLE[], least(position + 1, $n_positions::BIGINT)))::DOUBLE
            AS looks
    FROM shown
    GROUP BY query_key, document_key
)
SELECT
    xor((md5_number_lower(query_key) // 2)::BIGINT, document_key)::BIGINT AS pair_key,
    clicks,
    looks
FROM pairs
ORDER BY clicks DESC, looks DESC, pair_key
LIMIT $limit
