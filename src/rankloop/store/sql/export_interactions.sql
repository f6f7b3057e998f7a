-- Interactions as the wire has them, oldest first.
--
-- Parameters:
--   retriever_id VARCHAR: only of this retriever
--   start TIMESTAMP: only from this moment on
--   end TIMESTAMP: only before this moment
-- Columns:
--   interaction_id VARCHAR: its identifier
--   timestamp VARCHAR: when it happened, RFC 3339 in UTC
--   feature_id VARCHAR: the document
--   interaction_type VARCHAR[]: its types
--   position BIGINT: as the client said, from 0
--   metadata VARCHAR: JSON text
--   user_id VARCHAR: the user as stored
--   session_id VARCHAR: the session as sent
--   search_id VARCHAR: the search as sent
--   retriever_id VARCHAR: the retriever
--   value DOUBLE: in units of the currency
--   currency VARCHAR: the unit
SELECT
    i.interaction_id,
    strftime(i."at", '%Y-%m-%dT%H:%M:%S.%fZ') AS timestamp,
    i.document_id AS feature_id,
    i.types AS interaction_type,
    i.position,
    i.metadata,
    i.user_key AS user_id,
    i.session_id,
    i.search_id,
    i.retriever_id,
    i.value_micros / 1000000 AS value,
    i.currency
FROM interactions i
WHERE ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
ORDER BY i."at", i.interaction_key
