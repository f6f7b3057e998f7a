-- Interactions under filters, newest first: a page by offset or behind a cursor.
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
--   before_at TIMESTAMP: the cursor: only what sorts behind this moment and key
--   before_key BIGINT: the cursor's other half
--   limit BIGINT: most rows
--   offset BIGINT: rows to leave out before the first
-- Columns:
--   interaction_key BIGINT: its key, higher for what was stored later
--   interaction_id VARCHAR: its identifier
--   timestamp TIMESTAMP: when it happened, UTC
--   feature_id VARCHAR: the document
--   interaction_type VARCHAR[]: its types
--   position BIGINT: as the client said, from 0
--   metadata VARCHAR: JSON text
--   user_id VARCHAR: the user as stored
--   session_id VARCHAR: the session as sent
--   search_id VARCHAR: the search as sent
--   retriever_id VARCHAR: the retriever
--   value_micros BIGINT: millionths of the currency unit
--   currency VARCHAR: the unit
SELECT
    i.interaction_key,
    i.interaction_id,
    i."at" AS timestamp,
    i.document_id AS feature_id,
    i.types AS interaction_type,
    i.position,
    i.metadata,
    i.user_key AS user_id,
    i.session_id,
    i.search_id,
    i.retriever_id,
    i.value_micros,
    i.currency
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
    AND (
        $before_at::TIMESTAMP IS NULL
        OR (
            i."at" <= $before_at::TIMESTAMP
            AND (i."at" < $before_at::TIMESTAMP OR i.interaction_key < $before_key::BIGINT)
        )
    )
ORDER BY i."at" DESC, i.interaction_key DESC
LIMIT $limit OFFSET $offset
