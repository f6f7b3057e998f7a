-- One search per query id: its records merged, the longest hit list kept, a missing one rebuilt.
CREATE OR REPLACE TEMP TABLE ubi_searches AS
WITH told AS (
    SELECT
        query_name,
        any_value(query_id) AS query_id,
        min(n) AS n,
        count(*) AS n_records,
        arg_max(hits, len(hits)) AS hits,
        coalesce(arg_max(user_query, len(hits)), any_value(user_query)) AS user_query,
        any_value(user_id) AS user_id,
        any_value(session_id) AS session_id,
        any_value(application) AS application,
        min(moment_text) AS moment_text
    FROM ubi_queries
    GROUP BY query_name
),
shown AS (
    SELECT
        query_id,
        min(n) AS n,
        count(*) FILTER (WHERE object_id IS NOT NULL AND position >= 0) AS n_records,
        any_value(user_query) AS user_query,
        any_value(user_id) AS user_id,
        any_value(session_id) AS session_id,
        any_value(application) AS application,
        min(moment_text) AS moment_text
    FROM ubi_impressions
    WHERE query_id IS NOT NULL
    GROUP BY query_id
),
mentioned AS (
    SELECT query_id, any_value(session_id) AS session_id, any_value(user_query) AS user_query
    FROM ubi_events
    WHERE query_id IS NOT NULL
    GROUP BY query_id
)
SELECT
    coalesce(t.n, s.n) AS n,
    coalesce(t.query_id, s.query_id) AS query_id,
    coalesce(t.n_records, 0) + coalesce(s.n_records, 0) AS n_records,
    coalesce(t.hits, l.hits) AS hits,
    CASE WHEN t.hits IS NULL THEN l.positions END AS positions,
    CASE WHEN t.query_name IS NOT NULL THEN t.user_query
        ELSE coalesce(s.user_query, m.user_query) END AS user_query,
    coalesce(t.user_id, s.user_id) AS user_id,
    coalesce(t.session_id, s.session_id, m.session_id) AS session_id,
    coalesce(t.application, s.application) AS application,
    coalesce(t.moment_text, s.moment_text) AS moment_text,
    t.query_name IS NOT NULL AS is_told
FROM told t
FULL JOIN shown s ON s.query_id = t.query_id
LEFT JOIN ubi_lists l ON l.query_id = coalesce(t.query_id, s.query_id)
LEFT JOIN mentioned m ON m.query_id = coalesce(t.query_id, s.query_id)
