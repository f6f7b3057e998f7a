-- Impressions and clicks by position, with sums over clusters for the intervals.
--
-- Descriptive only: a position's rate mixes how likely it is looked at with what was shown there.
-- Clusters are thrown together into 4,096 groups, as in signals_rates.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
--   deepest INTEGER: positions from here on are counted together at this one
-- Columns:
--   position INTEGER: place as displayed, from 0
--   n_clusters BIGINT: groups of clusters that saw the position
--   n BIGINT: impressions
--   c BIGINT: clicked impressions
--   nn BIGINT: sum of squared impressions
--   cn BIGINT: sum of clicks times impressions
--   cc BIGINT: sum of squared clicks
WITH sums AS (
    SELECT
        least(position, $deepest::INTEGER) AS place,
        cluster_key & 4095 AS cluster,
        count(*) AS n,
        sum(clicked)::BIGINT AS c
    FROM click_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id)
        AND ($surface::VARCHAR IS NULL OR surface = $surface)
        AND ($device::VARCHAR IS NULL OR device = $device)
        AND (is_counted OR $include_robots::BOOLEAN)
        AND (
            ($start::TIMESTAMP IS NULL AND $end::TIMESTAMP IS NULL)
            OR search_key IN (
                SELECT search_key
                FROM search_log
                WHERE ($start::TIMESTAMP IS NULL OR "at" >= $start)
                    AND ($end::TIMESTAMP IS NULL OR "at" < $end)
                    AND ($start::TIMESTAMP IS NOT NULL OR $end::TIMESTAMP IS NOT NULL)
            )
        )
    GROUP BY place, cluster
)
SELECT
    place::INTEGER AS position,
    count(*) AS n_clusters,
    sum(n)::BIGINT AS n,
    sum(c)::BIGINT AS c,
    sum(n * n)::BIGINT AS nn,
    sum(c * n)::BIGINT AS cn,
    sum(c * c)::BIGINT AS cc
FROM sums
GROUP BY place
ORDER BY place
