-- What people last did with documents, newest first, for their histories.
--
-- What an interaction leaves out is taken from the search that it names.
--
-- Parameters:
--   user_key VARCHAR: only this user's, also on lists shown to the user
--   session_id VARCHAR: only this session's, also on lists shown in the session
--   limit BIGINT: most rows
-- Columns:
--   retriever_id VARCHAR: whose document
--   document_id VARCHAR: the document
--   user_key VARCHAR: the user
--   session_id VARCHAR: the session
--   at_us BIGINT: when, microseconds since 1970
--   type_mask BIGINT: what was done, one bit a type
--   position BIGINT: where the document stood, -1 where unknown
--   query_key VARCHAR: the information need
WITH named AS (
    SELECT
        search_id,
        min(user_key) AS user_key,
        min(session_id) AS session_id,
        min(query_key) AS query_key
    FROM searches
    WHERE ($user_key::VARCHAR IS NULL AND $session_id::VARCHAR IS NULL)
        OR search_id IN (
            SELECT s.search_id
            FROM searches s
            WHERE s.user_key = $user_key::VARCHAR OR s.session_id = $session_id::VARCHAR
        )
        OR search_id IN (
            SELECT o.search_id
            FROM interactions o
            WHERE o.user_key = $user_key::VARCHAR OR o.session_id = $session_id::VARCHAR
        )
    GROUP BY search_id
)
SELECT
    i.retriever_id AS retriever_id,
    i.document_id AS document_id,
    coalesce(i.user_key, n.user_key) AS user_key,
    coalesce(i.session_id, n.session_id) AS session_id,
    epoch_us(i."at") AS at_us,
    i.type_mask AS type_mask,
    coalesce(i.position, -1)::BIGINT AS position,
    coalesce(i.query_key, n.query_key) AS query_key
FROM interactions i
LEFT JOIN named n ON n.search_id = i.search_id
WHERE i.document_id IS NOT NULL
    AND ($user_key::VARCHAR IS NULL OR coalesce(i.user_key, n.user_key) = $user_key::VARCHAR)
    AND ($session_id::VARCHAR IS NULL OR coalesce(i.session_id, n.session_id) = $session_id::VARCHAR)
ORDER BY i."at" DESC, i.interaction_key DESC
LIMIT $limit
