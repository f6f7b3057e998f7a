-- Days on which the lists no longer count the interactions there are.
--
-- Erasure takes interactions away; new ones are found by their keys.
--
-- Columns:
--   day DATE: the lists' day, UTC
WITH named AS (
    SELECT search_id, count(*) AS n
    FROM interactions
    WHERE document_id IS NULL AND search_id IS NOT NULL
    GROUP BY search_id
),
found AS (
    SELECT search_key, 1::BIGINT AS n FROM credits WHERE rule > 0
    UNION ALL
    SELECT arg_min(s.search_key, s.page_offset) AS search_key, max(n.n) AS n
    FROM searches s
    JOIN named n ON n.search_id = s.search_id
    GROUP BY s.search_id
),
counts AS (
    SELECT "day" AS "day", -n_interactions::BIGINT AS n FROM search_log
    UNION ALL
    SELECT l."day" AS "day", f.n AS n
    FROM found f
    JOIN search_log l ON l.search_key = f.search_key
)
SELECT "day" AS "day"
FROM counts
GROUP BY "day"
HAVING sum(n) <> 0
ORDER BY "day"
