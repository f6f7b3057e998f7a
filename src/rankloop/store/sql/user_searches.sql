-- Every list shown to one user, oldest first, with what it held.
--
-- Parameters:
--   user_id VARCHAR: the user as stored
-- Columns:
--   search_id VARCHAR: the search
--   offset BIGINT: position of the list's first result
--   timestamp TIMESTAMP: when it was shown, UTC
--   retriever_id VARCHAR: the retriever
--   query VARCHAR: what was asked for
--   filters VARCHAR: JSON text
--   user_id VARCHAR: the user as stored
--   session_id VARCHAR: the session as sent
--   total BIGINT: how many matched
--   surface VARCHAR: where it was shown
--   device VARCHAR: on what
--   actor VARCHAR: who asked, people or programs
--   pipeline_version VARCHAR: what ranked it
--   variant VARCHAR: arm of an experiment
--   tags VARCHAR: JSON text
--   latency_ms DOUBLE: how long it took
--   n_results BIGINT: length of the list, NULL where it is unknown
--   features VARCHAR: what a ranker saw of the results, JSON text
--   document_ids VARCHAR[]: what it held, in shown order
--   scores DOUBLE[]: their scores, NaN where unknown
--   logging_probabilities DOUBLE[]: the chance of each choice, NaN where unknown
SELECT
    s.search_id,
    s.page_offset AS "offset",
    s."at" AS timestamp,
    s.retriever_id,
    s.query,
    s.filters,
    s.user_key AS user_id,
    s.session_id,
    s.total,
    s.surface,
    s.device,
    s.actor,
    s.pipeline_version,
    s.variant,
    s.tags,
    s.latency_ms,
    s.n_results,
    f.features,
    coalesce(r.document_ids, CAST([] AS VARCHAR[])) AS document_ids,
    coalesce(r.scores, CAST([] AS DOUBLE[])) AS scores,
    coalesce(r.logging_probabilities, CAST([] AS DOUBLE[])) AS logging_probabilities
FROM searches s
LEFT JOIN (
    SELECT
        p.search_key,
        list(p.document_id ORDER BY p.position) AS document_ids,
        list(coalesce(p.score, 'nan'::DOUBLE) ORDER BY p.position) AS scores,
        list(coalesce(p.logging_probability, 'nan'::DOUBLE) ORDER BY p.position)
            AS logging_probabilities
    FROM impressions p
    WHERE p.search_key IN (
        SELECT u.search_key FROM searches u WHERE u.user_key = $user_id::VARCHAR
    )
    GROUP BY p.search_key
) r ON r.search_key = s.search_key
LEFT JOIN search_features f ON f.search_key = s.search_key
WHERE s.user_key = $user_id::VARCHAR
ORDER BY s."at", s.search_key
