-- Where each application's positions begin: compared with the hit lists, else by the lowest seen.
CREATE OR REPLACE TEMP TABLE ubi_bases AS
WITH longest AS (
    SELECT query_id, arg_max(hits, len(hits)) AS hits
    FROM ubi_queries
    WHERE hits IS NOT NULL AND query_id IS NOT NULL
    GROUP BY query_id
),
compared AS (
    SELECT e.application, e.place, e.is_impression, list_position(l.hits, e.object_id) AS rank
    FROM ubi_events e
    LEFT JOIN longest l USING (query_id)
    WHERE e.place IS NOT NULL
),
counted AS (
    SELECT
        application,
        count(*) FILTER (WHERE place = rank - 1) AS n_zero,
        count(*) FILTER (WHERE place = rank) AS n_one,
        min(place) AS lowest
    FROM compared
    GROUP BY application
)
SELECT
    *,
    CASE
        WHEN n_zero <> n_one THEN (n_one > n_zero)::INTEGER
        ELSE (lowest = 1)::INTEGER
    END AS base
FROM counted
