-- Searches in the order of arrival with their results, under the names that the API gives them.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   user_key VARCHAR: only this user, as stored
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   after_key BIGINT: only rows that arrived after this one
--   limit BIGINT: most rows
-- Columns:
--   search_key BIGINT: running number in the order of arrival
--   search_id VARCHAR: its identifier
--   offset INTEGER: position of the list's first result
--   retriever_id VARCHAR: the retriever
--   query VARCHAR: what was asked for
--   timestamp TIMESTAMP: when it was shown by the sender's clock, UTC
--   received_at TIMESTAMP: when it arrived, UTC
--   user_id VARCHAR: the user, as stored
--   session_id VARCHAR: the session, as sent
--   filters VARCHAR: its filters as JSON text
--   total BIGINT: how many documents matched, as sent
--   surface VARCHAR: where it was shown
--   device VARCHAR: on what kind of device
--   actor VARCHAR: who searched: human, agent, judge or robot
--   pipeline_version VARCHAR: what ranked it
--   variant VARCHAR: the arm of an experiment
--   tags VARCHAR: its tags as a JSON list
--   latency_ms DOUBLE: how long the answer took
--   source VARCHAR: which way it came in
--   n_results INTEGER: length of the list, NULL where it is unknown
--   document_ids VARCHAR[]: its documents in shown order
--   scores DOUBLE[]: their scores, NaN where unknown
--   logging_probabilities DOUBLE[]: chance of each choice, NaN where unknown
WITH chosen AS (
    SELECT *
    FROM searches
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($user_key::VARCHAR IS NULL OR user_key = $user_key::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND search_key > $after_key::BIGINT
    ORDER BY search_key
    LIMIT $limit::BIGINT
),
shown AS (
    SELECT
        search_key,
        list(document_id ORDER BY position) AS document_ids,
        list(coalesce(score, 'nan'::DOUBLE) ORDER BY position) AS scores,
        list(coalesce(logging_probability, 'nan'::DOUBLE) ORDER BY position)
            AS logging_probabilities
    FROM impressions
    WHERE search_key IN (SELECT search_key FROM chosen)
    GROUP BY search_key
)
SELECT
    s.search_key AS search_key,
    s.search_id AS search_id,
    s.page_offset AS "offset",
    s.retriever_id AS retriever_id,
    s.query AS query,
    s."at" AS "timestamp",
    s.received_at AS received_at,
    s.user_key AS user_id,
    s.session_id AS session_id,
    s.filters AS filters,
    s.total AS total,
    s.surface AS surface,
    s.device AS device,
    s.actor AS actor,
    s.pipeline_version AS pipeline_version,
    s.variant AS variant,
    s.tags AS tags,
    s.latency_ms AS latency_ms,
    s.source AS source,
    s.n_results AS n_results,
    coalesce(r.document_ids, CAST([] AS VARCHAR[])) AS document_ids,
    coalesce(r.scores, CAST([] AS DOUBLE[])) AS scores,
    coalesce(r.logging_probabilities, CAST([] AS DOUBLE[])) AS logging_probabilities
FROM chosen s
LEFT JOIN shown r ON r.search_key = s.search_key
ORDER BY s.search_key
