-- The click log: one row per impression and what followed, in the order of arrival.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   user_key VARCHAR: only this user, as stored
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
-- Columns:
--   search_id VARCHAR: the search
--   position INTEGER: where the document stood, from 0
--   day DATE: the day, UTC
--   timestamp TIMESTAMP: when the list was shown, UTC
--   retriever_id VARCHAR: the retriever
--   surface VARCHAR: where it was shown
--   device VARCHAR: on what kind of device
--   variant VARCHAR: the arm of an experiment
--   query_key VARCHAR: the information need
--   document_id VARCHAR: the document
--   is_counted BOOLEAN: whether rates count it: a person, not a robot
--   is_repeat BOOLEAN: whether the same list was shown shortly before
--   clicked TINYINT: 1 where it was clicked
--   n_clicks INTEGER: clicks, repeated ones too
--   converted TINYINT: 1 where it was bought or put into the cart
--   duration_ms DOUBLE: longest dwell time
--   first_click_delay_ms BIGINT: from showing to the first click
--   type_mask BIGINT: one bit per type of interaction
--   value_micros BIGINT: monetary value in millionths
--   cluster_key BIGINT: whose impressions hang together
--   cluster_level TINYINT: 0 by user, 1 by session, 2 by search
SELECT
    s.search_id AS search_id,
    c.position AS position,
    c."day" AS "day",
    l."at" AS "timestamp",
    c.retriever_id AS retriever_id,
    c.surface AS surface,
    c.device AS device,
    l.variant AS variant,
    c.query_key AS query_key,
    c.document_id AS document_id,
    c.is_counted AS is_counted,
    l.is_repeat AS is_repeat,
    c.clicked AS clicked,
    c.n_clicks AS n_clicks,
    c.converted AS converted,
    c.duration_ms AS duration_ms,
    c.first_click_delay_ms AS first_click_delay_ms,
    c.type_mask AS type_mask,
    c.value_micros AS value_micros,
    c.cluster_key AS cluster_key,
    c.cluster_level AS cluster_level
FROM click_log c
JOIN search_log l ON l.search_key = c.search_key
JOIN searches s ON s.search_key = c.search_key
WHERE ($retriever_id::VARCHAR IS NULL OR c.retriever_id = $retriever_id::VARCHAR)
    AND ($user_key::VARCHAR IS NULL OR s.user_key = $user_key::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR l."at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR l."at" < $end::TIMESTAMP)
ORDER BY c.search_key, c.position
