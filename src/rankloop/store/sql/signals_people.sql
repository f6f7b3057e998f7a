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
--   visits BIGINT: stretches of one person's searches, ended by a pause or by midnight
WITH known_users AS (
    SELECT count(DISTINCT cluster_key) AS users
    FROM search_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
        AND cluster_level = 0
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
),
programs AS (
    SELECT search_key
    FROM search_log
    WHERE NOT is_counted
        AND NOT $include_robots::BOOLEAN
),
known_sessions AS (
    SELECT count(DISTINCT s.session_id) AS sessions
    FROM searches s
    ANTI JOIN programs p ON p.search_key = s.search_key
    WHERE ($retriever_id::VARCHAR IS NULL OR s.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR s."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR s."at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR s.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR s.device = $device::VARCHAR)
)
SELECT
    coalesce((SELECT users FROM known_users), 0)::BIGINT AS users,
    coalesce((SELECT sessions FROM known_sessions), 0)::BIGINT AS sessions,
    coalesce((SELECT count(*) FROM visits), 0)::BIGINT AS visits
