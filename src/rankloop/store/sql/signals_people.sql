-- How many people the lists were shown to, and in how many visits.
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
--   visits BIGINT: stretches of one person's searches, ended by a pause or by midnight
--   clusters BIGINT: different users, sessions or searches that lists are clustered by
--   lowest_level TINYINT: lowest level that lists are clustered by; 0 user, 1 session, 2 search
--   highest_level TINYINT: highest such level
WITH people AS (
    SELECT cluster_level, cluster_key
    FROM search_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
    GROUP BY cluster_level, cluster_key
),
counts AS (
    SELECT
        coalesce(count(*) FILTER (WHERE cluster_level = 0), 0)::BIGINT AS users,
        coalesce(count(*), 0)::BIGINT AS clusters,
        min(cluster_level) AS lowest_level,
        max(cluster_level) AS highest_level
    FROM people
),
visits AS (
    SELECT cluster_key, visit_at
    FROM search_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
    GROUP BY cluster_key, visit_at
)
SELECT
    users,
    coalesce((SELECT count(*) FROM visits), 0)::BIGINT AS visits,
    clusters,
    lowest_level,
    highest_level
FROM counts
