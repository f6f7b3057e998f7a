-- Impressions and clicks by position, with sums over clusters for the intervals.
--
-- Descriptive only: a position's rate mixes how likely it is looked at with what was shown there.
-- Clusters are thrown together into 1,024 groups, as in signals_rates.
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
--   n_clusters BIGINT: groups of clusters with at least one trial
--   n BIGINT: impressions
--   c BIGINT: clicked impressions
--   nn BIGINT: sum of squared impressions
--   cn BIGINT: sum of clicked impressions times impressions
--   cc BIGINT: sum of squared clicked impressions
-- Whole days are read added up; of the window's first and last day, the lists inside it.
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day"::TIMESTAMP < $start::TIMESTAMP
            OR "day"::TIMESTAMP + INTERVAL 1 DAY > $end::TIMESTAMP)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
),
cells AS (
    SELECT position, cluster, impressions, clicks
    FROM position_days
    WHERE ($start::TIMESTAMP IS NULL OR "day"::TIMESTAMP >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "day"::TIMESTAMP + INTERVAL 1 DAY <= $end::TIMESTAMP)
        AND ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
    UNION ALL
    SELECT
        h.position AS position,
        (h.cluster_key & 1023)::SMALLINT AS cluster,
        1 AS impressions,
        h.clicked AS clicks
    FROM click_log h
    JOIN edges e ON e.search_key = h.search_key
    WHERE h."day" = $start::TIMESTAMP::DATE OR h."day" = $end::TIMESTAMP::DATE
),
places AS (
    SELECT
        least(position, $deepest::INTEGER) AS place,
        cluster,
        sum(impressions)::BIGINT AS n,
        sum(clicks)::BIGINT AS c
    FROM cells
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
FROM places
GROUP BY place
ORDER BY place
