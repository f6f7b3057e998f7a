-- Days on which rankers looked at lists, and how many of those there are.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: only lists from this moment on
--   end TIMESTAMP: only lists before this moment
-- Columns:
--   day DATE: the lists' day, UTC
--   n BIGINT: lists
SELECT s."at"::DATE AS "day", count(*) AS n
FROM search_features f
JOIN searches s ON s.search_key = f.search_key
WHERE ($retriever_id::VARCHAR IS NULL OR s.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR s."at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR s."at" < $end::TIMESTAMP)
GROUP BY s."at"::DATE
ORDER BY 1
