-- How each query was written most often.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
-- Columns:
--   query_key VARCHAR: the information need
--   query VARCHAR: its most frequent text, the first in order among equals
WITH texts AS (
    SELECT query_key, query
    FROM searches
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
    UNION ALL
    SELECT query_key, query
    FROM interactions
    WHERE query_key IS NOT NULL
        AND query IS NOT NULL
        AND ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
),
counted AS (
    SELECT query_key, query, count(*) AS n
    FROM texts
    GROUP BY query_key, query
)
SELECT query_key AS query_key, query AS query
FROM counted
QUALIFY row_number() OVER (PARTITION BY query_key ORDER BY n DESC, query) = 1
ORDER BY query_key
