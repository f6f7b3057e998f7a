-- What rankers saw of lists, oldest first, and what of them was clicked.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: only lists from this moment on
--   end TIMESTAMP: only lists before this moment
-- Columns:
--   search_id VARCHAR: the search
--   timestamp TIMESTAMP: when the list was shown, UTC
--   page_offset INTEGER: position of the list's first result, from 0
--   retriever_id VARCHAR: the retriever
--   query_key VARCHAR: the information need
--   features VARCHAR: names, and the numbers of each result in shown order, as JSON text
--   document_ids VARCHAR[]: the results, in shown order
--   clicked BIGINT[]: 1 for each that was clicked
SELECT
    s.search_id,
    s."at" AS timestamp,
    s.page_offset,
    s.retriever_id AS retriever_id,
    s.query_key,
    f.features,
    coalesce(r.document_ids, CAST([] AS VARCHAR[])) AS document_ids,
    coalesce(r.clicked, CAST([] AS BIGINT[])) AS clicked
FROM search_features f
JOIN searches s ON s.search_key = f.search_key
LEFT JOIN (
    SELECT
        c.search_key AS search_key,
        list(c.document_id ORDER BY c.position) AS document_ids,
        list(c.clicked::BIGINT ORDER BY c.position) AS clicked
    FROM click_log c
    WHERE c.search_key IN (SELECT search_key FROM search_features)
        AND ($start::TIMESTAMP IS NULL OR c."day" >= $start::TIMESTAMP::DATE)
        AND ($end::TIMESTAMP IS NULL OR c."day" <= $end::TIMESTAMP::DATE)
    GROUP BY c.search_key
) r ON r.search_key = f.search_key
WHERE ($retriever_id::VARCHAR IS NULL OR s.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR s."at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR s."at" < $end::TIMESTAMP)
ORDER BY s."at", s.search_key
