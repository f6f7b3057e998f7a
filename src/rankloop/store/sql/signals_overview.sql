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
--   robot_searches BIGINT: lists shown to robots and other programs, whether counted or not
--   lowest_level TINYINT: lowest level that rows are clustered by; 0 user, 1 session, 2 search
--   highest_level TINYINT: highest such level
WITH lists AS (
    SELECT *, is_counted OR $include_robots::BOOLEAN AS is_in
    FROM search_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end)
        AND ($surface::VARCHAR IS NULL OR surface = $surface)
        AND ($device::VARCHAR IS NULL OR device = $device)
)
SELECT
    coalesce(sum(CASE WHEN is_in THEN 1 ELSE 0 END), 0)::BIGINT AS searches,
    coalesce(sum(CASE WHEN is_in AND n_clicked > 0 THEN 1 ELSE 0 END), 0)::BIGINT AS clicked_searches,
    coalesce(sum(CASE WHEN is_in AND is_converted THEN 1 ELSE 0 END), 0)::BIGINT AS converted_searches,
    coalesce(sum(CASE WHEN is_in THEN n_results ELSE 0 END), 0)::BIGINT AS impressions,
    coalesce(sum(CASE WHEN is_in THEN n_clicked ELSE 0 END), 0)::BIGINT AS clicked_impressions,
    coalesce(sum(CASE WHEN is_in THEN n_duplicate_clicks ELSE 0 END), 0)::BIGINT AS duplicate_clicks,
    coalesce(sum(CASE WHEN is_in AND n_results = 0 THEN 1 ELSE 0 END), 0)::BIGINT AS zero_result_searches,
    coalesce(sum(CASE WHEN is_in AND n_results IS NULL THEN 1 ELSE 0 END), 0)::BIGINT
        AS unknown_result_searches,
    coalesce(sum(CASE WHEN is_in AND is_repeat THEN 1 ELSE 0 END), 0)::BIGINT AS repeated_searches,
    coalesce(sum(CASE WHEN is_counted THEN 0 ELSE 1 END), 0)::BIGINT AS robot_searches,
    min(CASE WHEN is_in THEN cluster_level END) AS lowest_level,
    max(CASE WHEN is_in THEN cluster_level END) AS highest_level
FROM lists
