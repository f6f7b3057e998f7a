-- Who asked what of whom in certain searches.
--
-- Parameters:
--   search_ids VARCHAR[]: the searches
-- Columns:
--   search_id VARCHAR: the search
--   retriever_id VARCHAR: who ranked it
--   user_key VARCHAR: the user
--   session_id VARCHAR: the session
--   query_key VARCHAR: the information need
--   is_program BOOLEAN: whether a program asked
SELECT
    search_id,
    min(retriever_id) AS retriever_id,
    min(user_key) AS user_key,
    min(session_id) AS session_id,
    min(query_key) AS query_key,
    bool_or(actor <> 'human') AS is_program
FROM searches
WHERE search_id IN (SELECT unnest($search_ids::VARCHAR[]))
GROUP BY search_id
