-- Cells without the previous click: what the examination of positions is estimated from.
--
-- Only people's lists count. Clicked impressions are told apart by group of people, which is what
-- errors by person need; the others are all counted in group 0.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   n_shards BIGINT: how many groups of people to tell apart
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
shown AS (
    SELECT
        h.query_key AS query_key,
        h.document_id AS document_id,
        date_trunc('week', h."day")::DATE AS week,
        coalesce(h.surface, '') AS surface,
        coalesce(h.device, '') AS device,
        h.position AS position,
        (h.clicked * (h.cluster_key % $n_shards::BIGINT))::INTEGER AS shard,
        h.clicked AS clicked
    FROM click_log h
    ANTI JOIN edges e ON e.search_key = h.search_key
    WHERE h.is_counted
        AND ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
        AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
        AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
)
SELECT
    query_key,
    document_id,
    week,
    surface,
    device,
    position,
    shard,
    count(*) AS n,
    sum(clicked)::BIGINT AS clicks
FROM shown
GROUP BY query_key, document_id, week, surface, device, position, shard
