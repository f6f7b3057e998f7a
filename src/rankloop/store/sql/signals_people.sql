-- How many people, sessions and visits the lists were shown to.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
-- Columns:
--   users BIGINT: different users
--   sessions BIGINT: different sessions as sent
--   visits BIGINT: stretches of one person's searches without a pause of 30 minutes
WITH lists AS (
    SELECT search_key, cluster_key, cluster_level, visit_at
    FROM search_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
),
people AS (
    SELECT session_id
    FROM searches
    WHERE search_key IN (SELECT search_key FROM lists)
),
visits AS (SELECT cluster_key, visit_at FROM lists GROUP BY cluster_key, visit_at)
SELECT
    coalesce((SELECT count(DISTINCT cluster_key) FROM lists WHERE cluster_level = 0), 0)::BIGINT
        AS users,
    coalesce((SELECT count(DISTINCT session_id) FROM people), 0)::BIGINT AS sessions,
    coalesce((SELECT count(*) FROM visits), 0)::BIGINT AS visits
