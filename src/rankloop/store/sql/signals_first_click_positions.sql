-- Where people click first: lists by the position of their first click, among known lists.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
--   deepest INTEGER: positions from here on are one row
-- Columns:
--   position INTEGER: position of the first click, at most `deepest`
--   searches BIGINT: lists clicked there first
WITH first AS (
    SELECT least(first_click_position, $deepest::INTEGER) AS place
    FROM search_log
    WHERE first_click_position IS NOT NULL
        AND n_results IS NOT NULL
        AND ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
)
SELECT place::INTEGER AS position, count(*)::BIGINT AS searches
FROM first
GROUP BY place
ORDER BY place
