-- How much each day holds, whether its rows are raw or derived.
--
-- Columns:
--   day DATE: the day, UTC
--   is_dirty BOOLEAN: marked as stale
--   n_rows BIGINT: lists, documents shown and interactions; 0 where only derived rows are left
WITH counted AS (
    SELECT "at"::DATE AS "day", 0 AS dirty, (count(*) + coalesce(sum(n_results), 0))::BIGINT AS n
    FROM searches
    GROUP BY "at"::DATE
    UNION ALL
    SELECT "at"::DATE AS "day", 0 AS dirty, count(*)::BIGINT AS n
    FROM interactions
    GROUP BY "at"::DATE
    UNION ALL
    SELECT DISTINCT "day" AS "day", 0 AS dirty, 0::BIGINT AS n FROM search_log
    UNION ALL
    SELECT DISTINCT interaction_day AS "day", 0 AS dirty, 0::BIGINT AS n FROM credits
    UNION ALL
    SELECT "day" AS "day", 1 AS dirty, 0::BIGINT AS n FROM dirty_days
)
SELECT "day" AS "day", max(dirty) = 1 AS is_dirty, sum(n)::BIGINT AS n_rows
FROM counted
GROUP BY "day"
ORDER BY "day"
