-- How often each document was looked at, by hour: showings weighed by how likely their place is.
--
-- Hours before `fine_hour` are summed up to their day, which stands at its last hour. Lists shown to
-- programs do not count, nor those of an hour in which one person was shown too many.
--
-- Parameters:
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   fine_hour BIGINT: the first hour that is told apart, hours since 1970
--   robot_searches BIGINT: most lists of one person in an hour
--   examination DOUBLE[]: chance that a position is looked at; the last holds for all behind it
--   n_positions BIGINT: length of that list
--   retriever_ids VARCHAR[]: only documents of these
--   document_ids VARCHAR[]: only these documents
--   query_key VARCHAR: only for this information need
-- Columns:
--   retriever_id VARCHAR: whose document
--   document_id VARCHAR: the document
--   hour BIGINT: hours since 1970
--   examinations DOUBLE: how often it was looked at, expected
WITH lists AS (
    SELECT
        search_key,
        retriever_id,
        query_key,
        coalesce('u' || user_key, 's' || session_id, 'l' || search_id) AS person,
        epoch_us("at") // 3600000000 AS hour
    FROM searches
    WHERE actor = 'human'
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
),
busy AS (
    SELECT person, hour
    FROM lists
    GROUP BY person, hour
    HAVING count(*) > $robot_searches::BIGINT
),
shown AS (
    SELECT
        l.retriever_id AS retriever_id,
        p.document_id AS document_id,
        CASE
            WHEN l.hour >= $fine_hour::BIGINT THEN l.hour
            ELSE (l.hour // 24) * 24 + 23
        END AS hour,
        p.position AS position,
        count(*) AS n
    FROM lists l
    ANTI JOIN busy b ON b.person = l.person AND b.hour = l.hour
    JOIN impressions p ON p.search_key = l.search_key
    WHERE ($retriever_ids::VARCHAR[] IS NULL
            OR list_contains($retriever_ids::VARCHAR[], l.retriever_id))
        AND ($document_ids::VARCHAR[] IS NULL
            OR list_contains($document_ids::VARCHAR[], p.document_id))
        AND ($query_key::VARCHAR IS NULL OR l.query_key = $query_key::VARCHAR)
    GROUP BY ALL
)
SELECT
    retriever_id,
    document_id,
    hour,
    sum(n * list_extract($examination::DOUBLE[], least(position + 1, $n_positions::BIGINT)))::DOUBLE
        AS examinations
FROM shown
GROUP BY retriever_id, document_id, hour
