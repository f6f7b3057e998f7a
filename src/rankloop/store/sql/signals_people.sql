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
    SELECT search_key, cluster_key, visit_at
    FROM search_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end)
        AND ($surface::VARCHAR IS NULL OR surface = $surface)
        AND ($device::VARCHAR IS NULL OR device = $device)
        AND (is_counted OR $include_robots::BOOLEAN)
),
visits AS (SELECT cluster_key, visit_at FROM lists GROUP BY cluster_key, visit_at),
people AS (
    SELECT count(DISTINCT user_key) AS users, count(DISTINCT session_id) AS sessions
    FROM searches
    WHERE search_key IN (SELECT search_key FROM lists)
)
SELECT
    users::BIGINT AS users,
    sessions::BIGINT AS sessions,
    (SELECT count(*) FROM visits)::BIGINT AS visits
FROM people
