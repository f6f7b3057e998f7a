-- Which retrievers have anything on record.
--
-- Columns:
--   retriever_id VARCHAR: its name
SELECT DISTINCT retriever_id AS retriever_id
FROM (
    SELECT retriever_id FROM searches
    UNION ALL
    SELECT retriever_id FROM interactions
)
ORDER BY retriever_id
