-- Interactions that match filters, newest first, from a place in that order on.
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
--   before_at TIMESTAMP: with before_key, the last row already seen; nothing of it and above
--   before_key BIGINT: see before_at
--   limit BIGINT: most rows
--   offset BIGINT: rows to leave out first
-- Columns:
--   interaction_key BIGINT: running number in the order of arrival
--   interaction_id VARCHAR: its identifier
--   feature_id VARCHAR: the document, where it is about one
--   interaction_type VARCHAR[]: what was done
--   position INTEGER: where the document stood, from 0, as sent
--   metadata VARCHAR: free metadata as JSON text
--   user_id VARCHAR: the user, as stored
--   session_id VARCHAR: the session, as sent
--   search_id VARCHAR: the search, as sent
--   retriever_id VARCHAR: the retriever
--   at_us BIGINT: when it happened by the sender's clock, microseconds UTC
--   received_at_us BIGINT: when it arrived, microseconds UTC
--   value_micros BIGINT: monetary value in millionths
--   currency VARCHAR: its currency
--   source VARCHAR: which way it came in
SELECT
    interaction_key,
    interaction_id,
    document_id AS feature_id,
    types AS interaction_type,
    position,
    metadata,
    user_key AS user_id,
    session_id,
    search_id,
    retriever_id,
    epoch_us("at") AS at_us,
    epoch_us(received_at) AS received_at_us,
    value_micros,
    currency,
    source
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
    AND (
        $before_at::TIMESTAMP IS NULL
        OR "at" < $before_at::TIMESTAMP
        OR ("at" = $before_at::TIMESTAMP AND interaction_key < $before_key::BIGINT)
    )
ORDER BY "at" DESC, interaction_key DESC
LIMIT $limit::BIGINT
OFFSET $offset::BIGINT
