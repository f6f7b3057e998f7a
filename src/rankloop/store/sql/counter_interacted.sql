-- Every document that one user or one session dealt with in certain ways.
--
-- Parameters:
--   user_key VARCHAR: the user
--   session_id VARCHAR: the session
--   retriever_ids VARCHAR[]: documents of these
--   type_mask BIGINT: the ways, one bit a type
--   start TIMESTAMP: first moment that counts
-- Columns:
--   document_id VARCHAR: the document
SELECT DISTINCT i.document_id AS document_id
FROM interactions i
LEFT JOIN (
    SELECT s.search_id, min(s.user_key) AS user_key, min(s.session_id) AS session_id
    FROM searches s
    WHERE s.user_key = $user_key::VARCHAR OR s.session_id = $session_id::VARCHAR
    GROUP BY s.search_id
) n ON n.search_id = i.search_id
WHERE i.document_id IS NOT NULL
    AND i.type_mask & $type_mask::BIGINT <> 0
    AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
    AND list_contains($retriever_ids::VARCHAR[], i.retriever_id)
    AND ($user_key::VARCHAR IS NULL OR coalesce(i.user_key, n.user_key) = $user_key::VARCHAR)
    AND ($session_id::VARCHAR IS NULL
        OR coalesce(i.session_id, n.session_id) = $session_id::VARCHAR)
ORDER BY document_id
