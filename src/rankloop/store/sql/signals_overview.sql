-- How much there is: lists shown, and what was counted of what followed.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
-- Columns:
--   searches BIGINT: lists shown, robots left out unless asked for
--   clicked_searches BIGINT: lists with a credited click
--   converted_searches BIGINT: lists with a credited purchase or cart
--   impressions BIGINT: documents shown
--   clicked_impressions BIGINT: documents shown and clicked
--   duplicate_clicks BIGINT: further clicks on an impression that had been clicked
--   zero_result_searches BIGINT: lists known to be empty
--   unknown_result_searches BIGINT: lists of which the results are not known
--   repeated_searches BIGINT: lists shown again unchanged within 30 minutes
--   robot_searches BIGINT: lists shown to robots and other programs, counted or not
WITH lists AS (
    SELECT *, is_counted OR $include_robots::BOOLEAN AS is_in
    FROM search_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
)
SELECT
    coalesce(count(*) FILTER (WHERE is_in), 0)::BIGINT AS searches,
    coalesce(count(*) FILTER (WHERE is_in AND n_clicked > 0), 0)::BIGINT AS clicked_searches,
    coalesce(count(*) FILTER (WHERE is_in AND is_converted), 0)::BIGINT AS converted_searches,
    coalesce(sum(n_results) FILTER (WHERE is_in), 0)::BIGINT AS impressions,
    coalesce(sum(n_clicked) FILTER (WHERE is_in), 0)::BIGINT AS clicked_impressions,
    coalesce(sum(n_duplicate_clicks) FILTER (WHERE is_in), 0)::BIGINT AS duplicate_clicks,
    coalesce(count(*) FILTER (WHERE is_in AND n_results = 0), 0)::BIGINT AS zero_result_searches,
    coalesce(count(*) FILTER (WHERE is_in AND n_results IS NULL), 0)::BIGINT
        AS unknown_result_searches,
    coalesce(count(*) FILTER (WHERE is_in AND is_repeat), 0)::BIGINT AS repeated_searches,
    coalesce(count(*) FILTER (WHERE NOT is_counted), 0)::BIGINT AS robot_searches
FROM lists
