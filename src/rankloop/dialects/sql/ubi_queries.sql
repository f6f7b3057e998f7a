-- Query records; those without an id stay alone.
CREATE OR REPLACE TEMP TABLE ubi_queries AS
SELECT
    n,
    coalesce(query_id, chr(31) || n) AS query_name,
    query_id, session_id, user_id, moment_text, user_query, application,
    CASE WHEN len(hits) > 0 THEN hits END AS hits
FROM ubi_fields
WHERE is_object AND action_name IS NULL
