-- Cells without the previous click, clicks told apart by group of people.
--
-- Only people's lists count. Errors need groups for clicked impressions alone: the others are all
-- in group 0 and read added up where weeks and days lie whole within the window.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   pipeline_version VARCHAR: only lists of this policy
--   is_explored BOOLEAN: only lists that chance had a say in, or only others
--   n_shards BIGINT: how many groups of people to tell apart; 1 for none
-- Columns:
--   query_key VARCHAR: the information need, of normalized text and filters
--   document_id VARCHAR: the document
--   week DATE: the Monday of the list's week
--   surface VARCHAR: where it was shown; empty where unknown
--   device VARCHAR: on what kind of device; empty where unknown
--   position INTEGER: where the document stood, from 0
--   shard INTEGER: the group of people of clicked impressions, from 0
--   n BIGINT: impressions
--   clicks BIGINT: clicked ones
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
),
-- Weeks up to this one are rolled up.
rolled AS (SELECT max(week) AS last_week FROM cell_weeks),
parts AS (
    SELECT
        c.query_key AS query_key,
        c.document_id AS document_id,
        c.week AS week,
        coalesce(c.surface, '') AS surface,
        coalesce(c.device, '') AS device,
        c.position AS position,
        0 AS shard,
        CASE WHEN $n_shards::BIGINT = 1 THEN c.n ELSE c.n - c.clicks END AS n,
        CASE WHEN $n_shards::BIGINT = 1 THEN c.clicks ELSE 0 END AS clicks
    FROM cell_weeks c
    WHERE ($start::TIMESTAMP IS NULL OR c.week::TIMESTAMP >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR c.week::TIMESTAMP + INTERVAL 7 DAY <= $end::TIMESTAMP)
        AND ($retriever_id::VARCHAR IS NULL OR c.retriever_id = $retriever_id::VARCHAR)
        AND ($surface::VARCHAR IS NULL OR c.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR c.device = $device::VARCHAR)
        AND ($pipeline_version::VARCHAR IS NULL
            OR c.pipeline_version = $pipeline_version::VARCHAR)
        AND ($is_explored::BOOLEAN IS NULL OR c.is_explored = $is_explored::BOOLEAN)
        AND ($n_shards::BIGINT = 1 OR c.n > c.clicks)
    UNION ALL
    SELECT
        c.query_key AS query_key,
        c.document_id AS document_id,
        date_trunc('week', c."day")::DATE AS week,
        coalesce(c.surface, '') AS surface,
        coalesce(c.device, '') AS device,
        c.position AS position,
        0 AS shard,
        CASE WHEN $n_shards::BIGINT = 1 THEN c.n ELSE c.n - c.clicks END AS n,
        CASE WHEN $n_shards::BIGINT = 1 THEN c.clicks ELSE 0 END AS clicks
    FROM cell_days c
    WHERE ($start::TIMESTAMP IS NULL OR c."day"::TIMESTAMP >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR c."day"::TIMESTAMP + INTERVAL 1 DAY <= $end::TIMESTAMP)
        AND ($retriever_id::VARCHAR IS NULL OR c.retriever_id = $retriever_id::VARCHAR)
        AND ($surface::VARCHAR IS NULL OR c.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR c.device = $device::VARCHAR)
        AND ($pipeline_version::VARCHAR IS NULL
            OR c.pipeline_version = $pipeline_version::VARCHAR)
        AND ($is_explored::BOOLEAN IS NULL OR c.is_explored = $is_explored::BOOLEAN)
        AND ($n_shards::BIGINT = 1 OR c.n > c.clicks)
    UNION ALL
    SELECT
        h.query_key AS query_key,
        h.document_id AS document_id,
        date_trunc('week', h."day")::DATE AS week,
        coalesce(h.surface, '') AS surface,
        coalesce(h.device, '') AS device,
        h.position AS position,
        (h.clicked * (h.cluster_key % $n_shards::BIGINT))::INTEGER AS shard,
        1 AS n,
        h.clicked AS clicks
    FROM click_log h
    CROSS JOIN rolled r
    ANTI JOIN edges e ON e.search_key = h.search_key
    WHERE h.is_counted
        AND ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
        AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
        AND ($pipeline_version::VARCHAR IS NULL
            OR h.pipeline_version = $pipeline_version::VARCHAR)
        AND ($is_explored::BOOLEAN IS NULL OR h.is_explored = $is_explored::BOOLEAN)
        AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
        AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
        AND (
            (h.clicked = 1 AND $n_shards::BIGINT > 1)
            OR h."day"::TIMESTAMP < $start::TIMESTAMP
            OR h."day"::TIMESTAMP + INTERVAL 1 DAY > $end::TIMESTAMP
            OR (
                date_trunc('week', h."day")::DATE <= r.last_week
                AND (
                    date_trunc('week', h."day")::TIMESTAMP < $start::TIMESTAMP
                    OR date_trunc('week', h."day")::TIMESTAMP + INTERVAL 7 DAY > $end::TIMESTAMP
                )
            )
        )
)
SELECT
    query_key,
    document_id,
    week,
    surface,
    device,
    position,
    shard,
    sum(n)::BIGINT AS n,
    sum(clicks)::BIGINT AS clicks
FROM parts
GROUP BY query_key, document_id, week, surface, device, position, shard
