-- What each person did with each document on each day, for counts of one a person, document and day.
--
-- A person is the user, else the session, else the search, else the interaction; where an
-- interaction says less than the search it names, the search says it. Programs do not count, and
-- nobody does in an hour of too many interactions.
--
-- Parameters:
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   robot_interactions BIGINT: most interactions of one person in an hour
-- Columns:
--   retriever_id VARCHAR: whose document
--   document_id VARCHAR: the document
--   person VARCHAR: who it was
--   hour BIGINT: the first hour of the day with any, hours since 1970
--   type_mask BIGINT: what was done that day, one bit a type; bit 30 where a search is named
WITH named AS (
    SELECT
        search_id,
        min(user_key) AS user_key,
        min(session_id) AS session_id,
        bool_or(actor <> 'human') AS is_program
    FROM searches
    GROUP BY search_id
),
acts AS (
    SELECT
        i.retriever_id AS retriever_id,
        i.document_id AS document_id,
        coalesce(
            'u' || coalesce(i.user_key, n.user_key),
            's' || coalesce(i.session_id, n.session_id),
            'l' || i.search_id,
            'i' || i.interaction_id
        ) AS person,
        epoch_us(i."at") // 3600000000 AS hour,
        i.type_mask AS type_mask,
        i.search_id IS NOT NULL AS is_shown,
        coalesce(n.is_program, false) AS is_program
    FROM interactions i
    LEFT JOIN named n ON n.search_id = i.search_id
    WHERE i.document_id IS NOT NULL
        AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
),
busy AS (
    SELECT person, hour
    FROM acts
    GROUP BY person, hour
    HAVING count(*) > $robot_interactions::BIGINT
)
SELECT
    a.retriever_id AS retriever_id,
    a.document_id AS document_id,
    a.person AS person,
    min(a.hour) AS hour,
    bit_or(a.type_mask | CASE WHEN a.is_shown THEN 1073741824::BIGINT ELSE 0::BIGINT END)
        AS type_mask
FROM acts a
ANTI JOIN busy b ON b.person = a.person AND b.hour = a.hour
WHERE NOT a.is_program
GROUP BY a.retriever_id, a.document_id, a.person, a.hour // 24
