-- Impression events, placed from 0.
CREATE OR REPLACE TEMP TABLE ubi_impressions AS
SELECT
    e.n, e.query_id, e.session_id, e.user_id, e.moment_text, e.user_query, e.application,
    e.object_id, e.place - b.base AS position
FROM ubi_events e
LEFT JOIN ubi_bases b ON b.application IS NOT DISTINCT FROM e.application
WHERE e.is_impression
