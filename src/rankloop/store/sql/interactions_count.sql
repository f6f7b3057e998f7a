-- How many interactions there are under filters.
--
-- Parameters:
--   feature_id VARCHAR: only of this document
--   user_id VARCHAR: only of this user, as stored
--   session_id VARCHAR: only of this session
--   search_id VARCHAR: only of this search
--   retriever_id VARCHAR: only of this retriever
--   type_mask BIGINT: only with one of these bits, `events.types.to_mask` of the types asked for;
--     it spares most lists of types from being read
--   interaction_type VARCHAR[]: only with one of these types
--   position_gte BIGINT: only at this position or lower on the page
--   position_lte BIGINT: only at this position or higher on the page
--   start TIMESTAMP: only from this moment on
--   end TIMESTAMP: only before this moment
-- Columns:
--   total BIGINT: how many
SELECT count(*) AS total
FROM interactions i
WHERE ($feature_id::VARCHAR IS NULL OR i.document_id = $feature_id::VARCHAR)
    AND ($user_id::VARCHAR IS NULL OR i.user_key = $user_id::VARCHAR)
    AND ($session_id::VARCHAR IS NULL OR i.session_id = $session_id::VARCHAR)
    AND ($search_id::VARCHAR IS NULL OR i.search_id = $search_id::VARCHAR)
    AND ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
    AND ($type_mask::BIGINT IS NULL OR i.type_mask & $type_mask::BIGINT <> 0)
    AND (
        $interaction_type::VARCHAR[] IS NULL
        OR list_has_any(i.types, $interaction_type::VARCHAR[])
    )
    AND ($position_gte::BIGINT IS NULL OR i.position >= $position_gte::BIGINT)
    AND ($position_lte::BIGINT IS NULL OR i.position <= $position_lte::BIGINT)
    AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
