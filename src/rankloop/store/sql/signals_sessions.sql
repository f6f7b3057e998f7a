-- How many sessions the lists were shown in, as sent.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
-- Columns:
--   sessions BIGINT: different sessions
WITH programs AS (
    SELECT search_key
    FROM search_log
    WHERE NOT is_counted
        AND NOT $include_robots::BOOLEAN
),
sessions AS (
    SELECT s.session_id AS session_id
    FROM searches s
    ANTI JOIN programs p ON p.search_key = s.search_key
    WHERE ($retriever_id::VARCHAR IS NULL OR s.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR s."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR s."at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR s.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR s.device = $device::VARCHAR)
        AND s.session_id IS NOT NULL
    GROUP BY s.session_id
)
SELECT coalesce(count(*), 0)::BIGINT AS sessions
FROM sessions
