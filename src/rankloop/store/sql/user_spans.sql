-- From when to when there are rows about one user, by table, as erasure counts them.
--
-- Parameters:
--   user_id VARCHAR: the user as stored
-- Columns:
--   kind VARCHAR: which table
--   first_at TIMESTAMP: the earliest row, UTC
--   last_at TIMESTAMP: the latest row, UTC
--   n BIGINT: how many
SELECT 'interactions' AS kind, min(i."at") AS first_at, max(i."at") AS last_at, count(*) AS n
FROM interactions i
WHERE i.user_key = $user_id::VARCHAR
    OR (
        i.user_key IS NULL
        AND i.search_id IN (
            SELECT s.search_id FROM searches s WHERE s.user_key = $user_id::VARCHAR
        )
    )
UNION ALL
SELECT 'searches' AS kind, min(s."at") AS first_at, max(s."at") AS last_at, count(*) AS n
FROM searches s
WHERE s.user_key = $user_id::VARCHAR
ORDER BY kind
