-- Every document shown on some days, and what followed.
--
-- Parameters:
--   since TIMESTAMP: lists from this moment on, the first of a day
--   until TIMESTAMP: and before this one, the first of a day
-- Columns:
--   search_key BIGINT: the list
--   position INTEGER: its place, from 0, page offset included
--   day DATE: the list's day, UTC
--   retriever_id VARCHAR: which retriever made the list
--   pipeline_version VARCHAR: what ranked it
--   surface VARCHAR: where it was shown
--   device VARCHAR: on what kind of device
--   document_id VARCHAR: the document
--   document_key BIGINT: a number made of `document_id`, to group by
--   query_key VARCHAR: the information need
--   cluster_key BIGINT: the person
--   cluster_level TINYINT: what the person is known by; 0 user, 1 session, 2 the list
--   is_counted BOOLEAN: whether rates count it; robots' lists are left out
--   is_explored BOOLEAN: whether chance had a say in the list's order
--   previous_click INTEGER: position of the last click above it in the list; -1 for none
--   clicked TINYINT: 1 where it was clicked
--   n_clicks INTEGER: how often
--   is_final_click BOOLEAN: the list's last click, and nothing else was asked for soon after
--   converted TINYINT: 1 where a purchase or a cart followed
--   duration_ms DOUBLE: longest time spent with it
--   first_click_delay_ms BIGINT: time until its first click, never below 0
--   type_mask BIGINT: one bit per type of what followed
--   value_micros BIGINT: value of its purchases, in millionths
WITH lists AS (
    SELECT search_key, "day", epoch_us("at") AS at_us, retriever_id, pipeline_version, surface,
        device, query_key, cluster_key, cluster_level, is_counted, is_explored,
        final_click_position
    FROM search_log
    WHERE "day" >= $since::DATE AND "day" < $until::DATE
),
-- Each document's number is made once, not once per impression.
documents AS (
    SELECT document_id, (md5_number_lower(document_id) // 2)::BIGINT AS document_key
    FROM (
        SELECT DISTINCT document_id
        FROM impressions
        WHERE search_key IN (SELECT search_key FROM lists)
    )
),
places AS (
    SELECT
        c.search_key AS search_key,
        c.position AS position,
        count(*) FILTER (WHERE i.type_mask & 2 > 0) AS n_clicks,
        min(epoch_us(i."at")) FILTER (WHERE i.type_mask & 2 > 0) AS click_us,
        max(i.duration_ms) AS duration_ms,
        bit_or(i.type_mask) AS type_mask,
        sum(i.value_micros) FILTER (WHERE i.type_mask & 8 > 0) AS value_micros
    FROM credits c
    JOIN interactions i ON i.interaction_key = c.interaction_key
    JOIN lists l ON l.search_key = c.search_key
    WHERE c.rule > 0 AND c.position IS NOT NULL
    GROUP BY c.search_key, c.position
),
-- Each click, and how far down it is the last one above.
clicks AS (
    SELECT
        search_key,
        position,
        coalesce(lead(position) OVER (PARTITION BY search_key ORDER BY position), 2147483647)
            AS last_below
    FROM places
    WHERE n_clicks > 0
)
SELECT
    m.search_key AS search_key,
    m.position AS position,
    l."day" AS "day",
    l.retriever_id AS retriever_id,
    l.pipeline_version AS pipeline_version,
    l.surface AS surface,
    l.device AS device,
    m.document_id AS document_id,
    d.document_key AS document_key,
    l.query_key AS query_key,
    l.cluster_key AS cluster_key,
    l.cluster_level AS cluster_level,
    l.is_counted AS is_counted,
    l.is_explored AS is_explored,
    coalesce(k.position, -1)::INTEGER AS previous_click,
    CASE WHEN p.n_clicks > 0 THEN 1 ELSE 0 END::TINYINT AS clicked,
    coalesce(p.n_clicks, 0)::INTEGER AS n_clicks,
    coalesce(l.final_click_position = m.position, FALSE) AS is_final_click,
    CASE WHEN p.type_mask & 24 > 0 THEN 1 ELSE 0 END::TINYINT AS converted,
    p.duration_ms AS duration_ms,
    CASE
        WHEN p.click_us > l.at_us THEN (p.click_us - l.at_us) // 1000
        WHEN p.click_us IS NOT NULL THEN 0
    END::BIGINT AS first_click_delay_ms,
    coalesce(p.type_mask, 0)::BIGINT AS type_mask,
    coalesce(p.value_micros, 0)::BIGINT AS value_micros
FROM impressions m
JOIN lists l ON l.search_key = m.search_key
JOIN documents d ON d.document_id = m.document_id
LEFT JOIN places p ON p.search_key = m.search_key AND p.position = m.position
LEFT JOIN clicks k
    ON k.search_key = m.search_key AND k.position < m.position AND k.last_below >= m.position
-- Rows of a document side by side: they take less room, and are found without the others.
ORDER BY l."day", d.document_key, m.search_key, m.position
