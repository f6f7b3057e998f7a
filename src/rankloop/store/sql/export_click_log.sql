-- The click log: every document shown and what followed, oldest list first.
--
-- Parameters:
--   retriever_id VARCHAR: only of this retriever
--   start TIMESTAMP: only from this moment on
--   end TIMESTAMP: only before this moment
-- Columns:
--   search_id VARCHAR: the search
--   timestamp VARCHAR: when the list was shown, RFC 3339 in UTC
--   retriever_id VARCHAR: the retriever
--   query VARCHAR: what was asked for
--   query_key VARCHAR: the information need
--   user_id VARCHAR: the user as stored
--   session_id VARCHAR: the session as sent
--   surface VARCHAR: where the list was shown
--   device VARCHAR: on what
--   variant VARCHAR: arm of an experiment
--   pipeline_version VARCHAR: what ranked it
--   document_id VARCHAR: the document
--   position BIGINT: where it stood, from 0, page offset included
--   clicked BIGINT: 1 where a click was credited
--   n_clicks BIGINT: how many clicks, repeated ones included
--   converted BIGINT: 1 where a purchase or a filled cart was credited
--   duration_ms DOUBLE: how long people stayed
--   first_click_delay_ms BIGINT: from list to first click
--   type_mask BIGINT: a bit for each type of interaction that was credited
--   value_micros BIGINT: millionths of the currency unit
--   is_counted BOOLEAN: whether rates count it; robots' lists are not
SELECT
    s.search_id,
    strftime(s."at", '%Y-%m-%dT%H:%M:%S.%fZ') AS timestamp,
    s.retriever_id AS retriever_id,
    s.query,
    s.query_key AS query_key,
    s.user_key AS user_id,
    s.session_id,
    s.surface AS surface,
    s.device AS device,
    s.variant,
    s.pipeline_version AS pipeline_version,
    c.document_id,
    c.position,
    c.clicked,
    c.n_clicks,
    c.converted,
    c.duration_ms,
    c.first_click_delay_ms,
    c.type_mask,
    c.value_micros,
    c.is_counted
FROM click_log c
JOIN searches s ON s.search_key = c.search_key
WHERE ($retriever_id::VARCHAR IS NULL OR s.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR s."at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR s."at" < $end::TIMESTAMP)
ORDER BY s."at", c.search_key, c.position
