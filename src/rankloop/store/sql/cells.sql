-- Cells: how often each document was shown and clicked, by circumstance; they add up over days.
--
-- Only people's lists count. The previous click is the deepest one above the document in its list.
-- Clicks of a list are one number with a bit per position; where a list reaches past 61, its rows
-- are walked through instead.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   n_shards BIGINT: how many groups of people to tell apart; NULL or 1 for none
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
        h.search_key AS search_key,
        h.query_key AS query_key,
        h.document_id AS document_id,
        date_trunc('week', h."day")::DATE AS week,
        coalesce(h.surface, '') AS surface,
        coalesce(h.device, '') AS device,
        h.position AS position,
        (h.cluster_key % coalesce($n_shards::BIGINT, 1))::INTEGER AS shard,
        h.clicked AS clicked,
        h.type_mask AS type_mask,
        h.duration_ms AS duration_ms
    FROM click_log h
    ANTI JOIN edges e ON e.search_key = h.search_key
    WHERE h.is_counted
        AND ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
        AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
        AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
),
clicked_lists AS (
    SELECT search_key, bit_or(1::BIGINT << position) AS mask
    FROM shown
    WHERE clicked = 1 AND position <= 61
    GROUP BY search_key
),
deep_rows AS (
    SELECT
        search_key,
        position,
        max(CASE WHEN clicked = 1 THEN position END) OVER (
            PARTITION BY search_key ORDER BY position
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS deep_click
    FROM shown
    WHERE search_key IN (SELECT search_key FROM shown WHERE position > 61)
),
-- Bits below the document's own; the highest is found by filling all beneath it and counting.
bits AS (
    SELECT
        s.search_key AS search_key,
        s.query_key AS query_key,
        s.document_id AS document_id,
        s.week AS week,
        s.surface AS surface,
        s.device AS device,
        s.position AS position,
        s.shard AS shard,
        s.clicked AS clicked,
        s.type_mask AS type_mask,
        s.duration_ms AS duration_ms,
        coalesce(c.mask & ((1::BIGINT << least(s.position, 61)) - 1), 0) AS x
    FROM shown s
    LEFT JOIN clicked_lists c ON c.search_key = s.search_key
),
bits_2 AS (SELECT *, x | (x >> 1) AS x_2 FROM bits),
bits_4 AS (SELECT *, x_2 | (x_2 >> 2) AS x_4 FROM bits_2),
bits_8 AS (SELECT *, x_4 | (x_4 >> 4) AS x_8 FROM bits_4),
bits_16 AS (SELECT *, x_8 | (x_8 >> 8) AS x_16 FROM bits_8),
bits_32 AS (SELECT *, x_16 | (x_16 >> 16) AS x_32 FROM bits_16),
rows_told AS (
    SELECT
        b.query_key AS query_key,
        b.document_id AS document_id,
        b.week AS week,
        b.surface AS surface,
        b.device AS device,
        b.position AS position,
        CASE
            WHEN b.position > 61 THEN coalesce(d.deep_click, -1)
            ELSE bit_count(b.x_32 | (b.x_32 >> 32)) - 1
        END::INTEGER AS previous_click,
        b.shard AS shard,
        b.clicked AS clicked,
        b.type_mask AS type_mask,
        b.duration_ms AS duration_ms
    FROM bits_32 b
    LEFT JOIN deep_rows d ON d.search_key = b.search_key AND d.position = b.position
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
    count(*) FILTER (WHERE type_mask & 4 > 0 OR duration_ms >= 30000) AS long_view,
    count(*) FILTER (WHERE type_mask & 8 > 0) AS purchase,
    count(*) FILTER (WHERE type_mask & 16 > 0) AS add_to_cart,
    count(*) FILTER (WHERE type_mask & 256 > 0) AS positive_feedback,
    count(*) FILTER (WHERE type_mask & 512 > 0) AS negative_feedback,
    count(*) FILTER (WHERE type_mask & 2048 > 0) AS return_to_results
FROM rows_told
GROUP BY query_key, document_id, week, surface, device, position, previous_click, shard
