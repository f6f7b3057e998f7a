-- One interaction by its identifier.
--
-- Parameters:
--   interaction_id VARCHAR: which
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
WHERE i.interaction_id = $interaction_id::VARCHAR
ORDER BY i.interaction_key
LIMIT 1
