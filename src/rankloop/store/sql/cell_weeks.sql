-- Cells of some weeks: how often each document was shown and clicked, by circumstance.
--
-- Only people's lists count. Rows of a query and document lie side by side, which takes less room.
--
-- Parameters:
--   since TIMESTAMP: lists from this moment on, the first of a week
--   until TIMESTAMP: and before this one, the first of a week
-- Columns:
--   week DATE: the Monday of the lists' week, UTC
--   retriever_id VARCHAR: which retriever made the lists
--   surface VARCHAR: where they were shown
--   device VARCHAR: on what kind of device
--   pipeline_version VARCHAR: the policy: what ranked them
--   is_explored BOOLEAN: whether chance had a say in their order
--   query_key VARCHAR: the information need
--   document_id VARCHAR: the document
--   position INTEGER: where it stood, from 0
--   previous_click INTEGER: position of the last click above it; -1 for none
--   n INTEGER: impressions
--   clicks INTEGER: clicked ones
--   satisfied INTEGER: clicked ones that held the person: by time, or as the end of the search
--   long_view INTEGER: looked at for long, as sent or for 30 seconds and more
--   purchase INTEGER: bought
--   add_to_cart INTEGER: put into the cart
--   positive_feedback INTEGER: called good
--   negative_feedback INTEGER: called bad
--   return_to_results INTEGER: left for the list again
SELECT
    date_trunc('week', "day")::DATE AS week,
    retriever_id,
    surface,
    device,
    pipeline_version,
    is_explored,
    query_key,
    document_id,
    position,
    previous_click,
    count(*)::INTEGER AS n,
    sum(clicked)::INTEGER AS clicks,
    count(*) FILTER (
        WHERE clicked = 1
            AND (is_final_click OR duration_ms >= 30000 OR type_mask & 4 > 0)
            AND type_mask & 2048 = 0
    )::INTEGER AS satisfied,
    count(*) FILTER (WHERE type_mask & 4 > 0 OR duration_ms >= 30000)::INTEGER AS long_view,
    count(*) FILTER (WHERE type_mask & 8 > 0)::INTEGER AS purchase,
    count(*) FILTER (WHERE type_mask & 16 > 0)::INTEGER AS add_to_cart,
    count(*) FILTER (WHERE type_mask & 256 > 0)::INTEGER AS positive_feedback,
    count(*) FILTER (WHERE type_mask & 512 > 0)::INTEGER AS negative_feedback,
    count(*) FILTER (WHERE type_mask & 2048 > 0)::INTEGER AS return_to_results
FROM click_log
WHERE is_counted AND "day" >= $since::DATE AND "day" < $until::DATE
GROUP BY date_trunc('week', "day")::DATE, retriever_id, surface, device, pipeline_version, is_explored, query_key,
    document_id, position, previous_click
ORDER BY query_key, document_id, date_trunc('week', "day")::DATE, position, previous_click, retriever_id, surface,
    device, pipeline_version, is_explored
