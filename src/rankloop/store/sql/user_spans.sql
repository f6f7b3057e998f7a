-- From when to when one user has rows, by table; an absent user has none.
--
-- Parameters:
--   user_key VARCHAR: the user, as stored
-- Columns:
--   kind VARCHAR: which table
--   first_at TIMESTAMP: the earliest row
--   last_at TIMESTAMP: the latest row
--   n BIGINT: how many
SELECT 'interactions' AS kind, min("at") AS first_at, max("at") AS last_at, count(*) AS n
FROM interactions
WHERE user_key = $user_key::VARCHAR
UNION ALL
SELECT 'searches' AS kind, min("at") AS first_at, max("at") AS last_at, count(*) AS n
FROM searches
WHERE user_key = $user_key::VARCHAR
ORDER BY kind
