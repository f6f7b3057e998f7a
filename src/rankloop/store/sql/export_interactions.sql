-- Interactions in the order of arrival, under the names that the API gives them.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   user_key VARCHAR: only this user, as stored
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   after_key BIGINT: only rows that arrived after this one
--   limit BIGINT: most rows
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
--   timestamp TIMESTAMP: when it happened by the sender's clock, UTC
--   received_at TIMESTAMP: when it arrived, UTC
--   value DOUBLE: monetary value in units of its currency
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
    "at" AS "timestamp",
    received_at,
    value_micros / 1000000::DOUBLE AS value,
    currency,
    source
FROM interactions
WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
    AND ($user_key::VARCHAR IS NULL OR user_key = $user_key::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
    AND interaction_key > $after_key::BIGINT
ORDER BY interaction_key
LIMIT $limit::BIGINT
