-- How often people clicked which document for which information need.
--
-- Parameters:
--   start TIMESTAMP: first moment that counts
--   robot_interactions BIGINT: most interactions of one person in an hour
-- Columns:
--   retriever_id VARCHAR: whose document
--   query_key VARCHAR: the information need, of the interaction, else of the search it names
--   document_id VARCHAR: the document
--   n BIGINT: clicks
WITH named AS (
    SELECT
        search_id,
        min(user_key) AS user_key,
        min(session_id) AS session_id,
        min(query_key) AS query_key,
        bool_or(actor <> 'human') AS is_program
    FROM searches
    GROUP BY search_id
),
acts AS (
    SELECT
        i.retriever_id AS retriever_id,
        i.document_id AS document_id,
        coalesce(i.query_key, n.query_key) AS query_key,
        coalesce(
            'u' || coalesce(i.user_key, n.user_key),
            's' || coalesce(i.session_id, n.session_id),
            'l' || i.search_id,
            'i' || i.interaction_id
        ) AS person,
        epoch_us(i."at") // 3600000000 AS hour,
        i.type_mask AS type_mask,
        coalesce(n.is_program, false) AS is_program
    FROM interactions i
    LEFT JOIN named n ON n.search_id = i.search_id
    WHERE i.document_id IS NOT NULL
        AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
),
busy AS (
    SELECT person, hour
    FROM acts
    GROUP BY person, hour
    HAVING count(*) > $robot_interactions::BIGINT
)
SELECT
    a.retriever_id AS retriever_id,
    a.query_key AS query_key,
    a.document_id AS document_id,
    count(*) AS n
FROM acts a
ANTI JOIN busy b ON b.person = a.person AND b.hour = a.hour
WHERE NOT a.is_program AND a.query_key IS NOT NULL AND a.type_mask & 2 <> 0
GROUP BY a.retriever_id, a.query_key, a.document_id
