-- Days on which the lists no longer count the interactions there are.
--
-- Erasure takes interactions away; new ones are found by their keys.
--
-- Columns:
--   day DATE: the lists' day, UTC
WITH named AS (
    SELECT i.interaction_key AS interaction_key, arg_min(s.search_key, s.page_offset) AS search_key
    FROM interactions i
    JOIN searches s ON s.search_id = i.search_id
    WHERE i.document_id IS NULL
    GROUP BY i.interaction_key
),
found AS (
    SELECT search_key FROM credits WHERE rule > 0
    UNION ALL
    SELECT search_key FROM named
),
counts AS (
    SELECT "day" AS "day", -n_interactions AS n FROM search_log
    UNION ALL
    SELECT l."day" AS "day", 1 AS n
    FROM found f
    JOIN search_log l ON l.search_key = f.search_key
)
SELECT "day" AS "day"
FROM counts
GROUP BY "day"
HAVING sum(n) <> 0
ORDER BY "day"
