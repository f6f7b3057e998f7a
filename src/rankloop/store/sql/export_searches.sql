-- Searches as the wire has them, oldest first, each list with its results.
--
-- Parameters:
--   retriever_id VARCHAR: only of this retriever
--   start TIMESTAMP: only from this moment on
--   end TIMESTAMP: only before this moment
-- Columns:
--   search_id VARCHAR: the search
--   offset BIGINT: position of the list's first result
--   timestamp VARCHAR: when it was shown, RFC 3339 in UTC
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
--   results VARCHAR: document_id, score and logging_probability of each result in shown order, as
--     JSON text; NULL where the list is unknown
SELECT
    s.search_id,
    s.page_offset AS "offset",
    strftime(s."at", '%Y-%m-%dT%H:%M:%S.%fZ') AS timestamp,
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
    CASE
        WHEN s.n_results IS NOT NULL OR r.results IS NOT NULL THEN coalesce(r.results, '[]')
    END AS results
FROM searches s
LEFT JOIN (
    SELECT
        p.search_key,
        to_json(
            list(
                {
                    'document_id': p.document_id,
                    'score': p.score,
                    'logging_probability': p.logging_probability
                }
                ORDER BY p.position
            )
        )::VARCHAR AS results
    FROM impressions p
    GROUP BY p.search_key
) r ON r.search_key = s.search_key
WHERE ($retriever_id::VARCHAR IS NULL OR s.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR s."at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR s."at" < $end::TIMESTAMP)
ORDER BY s."at", s.search_key
