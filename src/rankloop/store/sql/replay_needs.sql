-- What people searched for, most often first: each need once, as it was written most often.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: only lists from this moment on
--   end TIMESTAMP: only lists before this moment
--   limit BIGINT: most rows
-- Columns:
--   query_key VARCHAR: the information need
--   query VARCHAR: its most frequent text, the first in order among equals
--   filters VARCHAR: its filters, JSON text
--   n BIGINT: lists of it, those behind the first page left out
WITH counted AS (
    SELECT
        s.query_key AS query_key,
        s.query AS query,
        any_value(s.filters) AS filters,
        count(*) AS n
    FROM searches s
    JOIN search_log l ON l.search_key = s.search_key
    WHERE l.is_counted
        AND s.page_offset = 0
        AND ($retriever_id::VARCHAR IS NULL OR s.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR s."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR s."at" < $end::TIMESTAMP)
    GROUP BY s.query_key, s.query
),
totals AS (
    SELECT query_key, sum(n)::BIGINT AS n
    FROM counted
    GROUP BY query_key
),
written AS (
    SELECT query_key, query, filters
    FROM counted
    QUALIFY row_number() OVER (PARTITION BY query_key ORDER BY n DESC, query) = 1
)
SELECT w.query_key AS query_key, w.query AS query, w.filters AS filters, t.n AS n
FROM written w
JOIN totals t ON t.query_key = w.query_key
ORDER BY t.n DESC, w.query_key
LIMIT $limit
