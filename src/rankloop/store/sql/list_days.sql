-- Days on which people were shown lists, and how many.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: only lists from this moment on
--   end TIMESTAMP: only lists before this moment
-- Columns:
--   day DATE: the lists' day, UTC
--   n BIGINT: lists
SELECT "day" AS "day", count(*) AS n
FROM search_log
WHERE is_counted
    AND ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
GROUP BY "day"
ORDER BY 1
