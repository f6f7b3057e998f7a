-- Lists as impressions show them: one entry per place and document, in order.
CREATE OR REPLACE TEMP TABLE ubi_lists AS
SELECT
    query_id,
    list(object_id ORDER BY position, n) AS hits,
    list(position ORDER BY position, n) AS positions
FROM (
    SELECT query_id, position, object_id, min(n) AS n
    FROM ubi_impressions
    WHERE query_id IS NOT NULL AND object_id IS NOT NULL AND position >= 0
    GROUP BY query_id, position, object_id
)
GROUP BY query_id
