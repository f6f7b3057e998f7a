-- How many interactions match filters.
--
-- Parameters:
--   interaction_id VARCHAR: only this interaction
--   feature_id VARCHAR: only this document
--   user_key VARCHAR: only this user, as stored
--   session_id VARCHAR: only this session
--   search_id VARCHAR: only this search
--   retriever_id VARCHAR: only this retriever
--   interaction_types VARCHAR[]: only with at least one of these types
--   position_gte BIGINT: no higher up than this
--   position_lte BIGINT: no lower down than this
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
-- Columns:
--   total BIGINT: how many
SELECT count(*) AS total
FROM interactions
WHERE ($interaction_id::VARCHAR IS NULL OR interaction_id = $interaction_id::VARCHAR)
    AND ($feature_id::VARCHAR IS NULL OR document_id = $feature_id::VARCHAR)
    AND ($user_key::VARCHAR IS NULL OR user_key = $user_key::VARCHAR)
    AND ($session_id::VARCHAR IS NULL OR session_id = $session_id::VARCHAR)
    AND ($search_id::VARCHAR IS NULL OR search_id = $search_id::VARCHAR)
    AND ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
    AND (
        $interaction_types::VARCHAR[] IS NULL
        OR list_has_any(types, $interaction_types::VARCHAR[])
    )
    AND ($position_gte::BIGINT IS NULL OR position >= $position_gte::BIGINT)
    AND ($position_lte::BIGINT IS NULL OR position <= $position_lte::BIGINT)
    AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
