-- Cells told apart by group of people, counted on demand: for errors that allow for people.
--
-- With groups in their key, cells hardly compress, so that no table of them is kept.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   pipeline_version VARCHAR: only lists of this policy
--   is_explored BOOLEAN: only lists that chance had a say in, or only others
--   n_shards BIGINT: how many groups of people to tell apart
-- Columns:
--   query_key VARCHAR: the information need, of normalized text and filters
--   document_id VARCHAR: the document
--   week DATE: the Monday of the list's week
--   surface VARCHAR: where it was shown; empty where unknown
--   device VARCHAR: on what kind of device; empty where unknown
--   position INTEGER: where the document stood, from 0
--   previous_click INTEGER: position of the last click above it; -1 for none
--   shard INTEGER: the group of people, from 0
--   n BIGINT: impressions
--   clicks BIGINT: clicked ones
--   satisfied BIGINT: clicked ones that held the person: by time, or as the end of the search
--   long_view BIGINT: looked at for long, as sent or for 30 seconds and more
--   purchase BIGINT: bought
--   add_to_cart BIGINT: put into the cart
--   positive_feedback BIGINT: called good
--   negative_feedback BIGINT: called bad
--   return_to_results BIGINT: left for the list again
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
        h.previous_click AS previous_click,
        (h.cluster_key % $n_shards::BIGINT)::INTEGER AS shard,
        h.clicked AS clicked,
        h.is_final_click AS is_final_click,
        h.type_mask AS type_mask,
        h.duration_ms AS duration_ms
    FROM click_log h
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
)
SELECT
    query_key,
    document_id,
    week,
    surface,
    device,
    position,
    previous_click,
    shard,
    count(*) AS n,
    sum(clicked)::BIGINT AS clicks,
    count(*) FILTER (
        WHERE clicked = 1
            AND (is_final_click OR duration_ms >= 30000 OR type_mask & 4 > 0)
            AND type_mask & 2048 = 0
    ) AS satisfied,
    count(*) FILTER (WHERE type_mask & 4 > 0 OR duration_ms >= 30000) AS long_view,
    count(*) FILTER (WHERE type_mask & 8 > 0) AS purchase,
    count(*) FILTER (WHERE type_mask & 16 > 0) AS add_to_cart,
    count(*) FILTER (WHERE type_mask & 256 > 0) AS positive_feedback,
    count(*) FILTER (WHERE type_mask & 512 > 0) AS negative_feedback,
    count(*) FILTER (WHERE type_mask & 2048 > 0) AS return_to_results
FROM shown
GROUP BY query_key, document_id, week, surface, device, position, previous_click, shard
