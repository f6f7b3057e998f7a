-- Cells: how often each document was shown and clicked, by circumstance; they add up over days.
--
-- Only people's lists count. The previous click is the deepest one above the document in its list.
-- Weeks and days that lie whole within the window are read added up, the rest in the click log.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   pipeline_version VARCHAR: only lists of this policy
--   is_explored BOOLEAN: only lists that chance had a say in, or only others
-- Columns:
--   query_key VARCHAR: the information need, of normalized text and filters
--   document_id VARCHAR: the document
--   week DATE: the Monday of the list's week
--   surface VARCHAR: where it was shown; empty where unknown
--   device VARCHAR: on what kind of device; empty where unknown
--   position INTEGER: where the document stood, from 0
--   previous_click INTEGER: position of the last click above it; -1 for none
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
        c.previous_click AS previous_click,
        c.n AS n,
        c.clicks AS clicks,
        c.satisfied AS satisfied,
        c.long_view AS long_view,
        c.purchase AS purchase,
        c.add_to_cart AS add_to_cart,
        c.positive_feedback AS positive_feedback,
        c.negative_feedback AS negative_feedback,
        c.return_to_results AS return_to_results
    FROM cell_weeks c
    WHERE ($start::TIMESTAMP IS NULL OR c.week::TIMESTAMP >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR c.week::TIMESTAMP + INTERVAL 7 DAY <= $end::TIMESTAMP)
        AND ($retriever_id::VARCHAR IS NULL OR c.retriever_id = $retriever_id::VARCHAR)
        AND ($surface::VARCHAR IS NULL OR c.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR c.device = $device::VARCHAR)
        AND ($pipeline_version::VARCHAR IS NULL
            OR c.pipeline_version = $pipeline_version::VARCHAR)
        AND ($is_explored::BOOLEAN IS NULL OR c.is_explored = $is_explored::BOOLEAN)
    UNION ALL
    SELECT
        c.query_key AS query_key,
        c.document_id AS document_id,
        date_trunc('week', c."day")::DATE AS week,
        coalesce(c.surface, '') AS surface,
        coalesce(c.device, '') AS device,
        c.position AS position,
        c.previous_click AS previous_click,
        c.n AS n,
        c.clicks AS clicks,
        c.satisfied AS satisfied,
        c.long_view AS long_view,
        c.purchase AS purchase,
        c.add_to_cart AS add_to_cart,
        c.positive_feedback AS positive_feedback,
        c.negative_feedback AS negative_feedback,
        c.return_to_results AS return_to_results
    FROM cell_days c
    WHERE ($start::TIMESTAMP IS NULL OR c."day"::TIMESTAMP >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR c."day"::TIMESTAMP + INTERVAL 1 DAY <= $end::TIMESTAMP)
        AND ($retriever_id::VARCHAR IS NULL OR c.retriever_id = $retriever_id::VARCHAR)
        AND ($surface::VARCHAR IS NULL OR c.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR c.device = $device::VARCHAR)
        AND ($pipeline_version::VARCHAR IS NULL
            OR c.pipeline_version = $pipeline_version::VARCHAR)
        AND ($is_explored::BOOLEAN IS NULL OR c.is_explored = $is_explored::BOOLEAN)
    UNION ALL
    SELECT
        h.query_key AS query_key,
        h.document_id AS document_id,
        date_trunc('week', h."day")::DATE AS week,
        coalesce(h.surface, '') AS surface,
        coalesce(h.device, '') AS device,
        h.position AS position,
        h.previous_click AS previous_click,
        1 AS n,
        h.clicked AS clicks,
        CASE
            WHEN h.clicked = 1
                AND (h.is_final_click OR h.duration_ms >= 30000 OR h.type_mask & 4 > 0)
                AND h.type_mask & 2048 = 0 THEN 1
            ELSE 0
        END AS satisfied,
        CASE WHEN h.type_mask & 4 > 0 OR h.duration_ms >= 30000 THEN 1 ELSE 0 END AS long_view,
        CASE WHEN h.type_mask & 8 > 0 THEN 1 ELSE 0 END AS purchase,
        CASE WHEN h.type_mask & 16 > 0 THEN 1 ELSE 0 END AS add_to_cart,
        CASE WHEN h.type_mask & 256 > 0 THEN 1 ELSE 0 END AS positive_feedback,
        CASE WHEN h.type_mask & 512 > 0 THEN 1 ELSE 0 END AS negative_feedback,
        CASE WHEN h.type_mask & 2048 > 0 THEN 1 ELSE 0 END AS return_to_results
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
            h."day"::TIMESTAMP < $start::TIMESTAMP
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
    previous_click,
    sum(n)::BIGINT AS n,
    sum(clicks)::BIGINT AS clicks,
    sum(satisfied)::BIGINT AS satisfied,
    sum(long_view)::BIGINT AS long_view,
    sum(purchase)::BIGINT AS purchase,
    sum(add_to_cart)::BIGINT AS add_to_cart,
    sum(positive_feedback)::BIGINT AS positive_feedback,
    sum(negative_feedback)::BIGINT AS negative_feedback,
    sum(return_to_results)::BIGINT AS return_to_results
FROM parts
GROUP BY query_key, document_id, week, surface, device, position, previous_click
