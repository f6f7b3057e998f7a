-- How often people did what with each document, by hour: one count a person, document and day.
--
-- Who is a person and who does not count is as in `counter_deeds`; the hour is the first of the day.
--
-- Parameters:
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   robot_interactions BIGINT: most interactions of one person in an hour
--   retriever_ids VARCHAR[]: only documents of these
--   document_ids VARCHAR[]: only these documents
--   query_key VARCHAR: only for this information need
-- Columns:
--   retriever_id VARCHAR: whose document
--   document_id VARCHAR: the document
--   hour BIGINT: hours since 1970
--   type_mask BIGINT: what was done, one bit a type; bit 30 where a search is named
--   n BIGINT: how often
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
        coalesce(
            'u' || coalesce(i.user_key, n.user_key),
            's' || coalesce(i.session_id, n.session_id),
            'l' || i.search_id,
            'i' || i.interaction_id
        ) AS person,
        epoch_us(i."at") // 3600000000 AS hour,
        i.type_mask AS type_mask,
        coalesce(i.query_key, n.query_key) AS query_key,
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
),
deeds AS (
    SELECT
        a.retriever_id AS retriever_id,
        a.document_id AS document_id,
        min(a.hour) AS hour,
        bit_or(a.type_mask | CASE WHEN a.is_shown THEN 1073741824::BIGINT ELSE 0::BIGINT END)
            AS type_mask
    FROM acts a
    ANTI JOIN busy b ON b.person = a.person AND b.hour = a.hour
    WHERE NOT a.is_program
        AND ($retriever_ids::VARCHAR[] IS NULL OR list_contains($retriever_ids::VARCHAR[], a.retriever_id))
        AND ($document_ids::VARCHAR[] IS NULL OR list_contains($document_ids::VARCHAR[], a.document_id))
        AND ($query_key::VARCHAR IS NULL OR a.query_key = $query_key::VARCHAR)
    GROUP BY a.retriever_id, a.document_id, a.person, a.hour // 24
)
SELECT retriever_id, document_id, hour, type_mask, count(*) AS n
FROM deeds
GROUP BY retriever_id, document_id, hour, type_mask
