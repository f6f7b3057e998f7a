-- How many people acted on each document for a query outside of any list on record.
--
-- Only actions that speak for the document count, and only those that say the query.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   type_mask BIGINT: a bit for each type that speaks for a document
-- Columns:
--   query_key VARCHAR: the information need
--   document_id VARCHAR: the document
--   people BIGINT: different people; a user, else a session, else the single action
--   least_level BIGINT: what the best known of them is known by; 0 user, 1 session, 2 neither
--   most_level BIGINT: what the least known of them is known by
--   n BIGINT: actions
WITH acts AS (
    SELECT
        coalesce(i.query_key, s.query_key) AS query_key,
        i.document_id AS document_id,
        coalesce(i.user_key, i.session_id, i.interaction_id) AS person,
        CASE
            WHEN i.user_key IS NOT NULL THEN 0
            WHEN i.session_id IS NOT NULL THEN 1
            ELSE 2
        END AS person_level
    FROM interactions i
    JOIN credits c ON c.interaction_key = i.interaction_key
    LEFT JOIN searches s ON s.search_key = c.search_key
    WHERE c.rule = 0
        AND i.document_id IS NOT NULL
        AND i.type_mask & $type_mask::BIGINT > 0
        AND ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
)
SELECT
    query_key AS query_key,
    document_id AS document_id,
    count(DISTINCT person) AS people,
    min(person_level)::BIGINT AS least_level,
    max(person_level)::BIGINT AS most_level,
    count(*) AS n
FROM acts
WHERE query_key IS NOT NULL
GROUP BY query_key, document_id
ORDER BY query_key, document_id
