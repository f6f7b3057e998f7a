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
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
),
sums AS (
    SELECT
        h.position AS position,
        h.cluster_key & 1023 AS cluster,
        count(*) AS n,
        sum(h.clicked)::BIGINT AS c
    FROM click_log h
    ANTI JOIN edges e ON e.search_key = h.search_key
    WHERE ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
        AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
        AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
        AND (h.is_counted OR $include_robots::BOOLEAN)
    GROUP BY h.position, cluster
),
places AS (
    SELECT
        least(position, $deepest::INTEGER) AS place,
        cluster,
        sum(n)::BIGINT AS n,
        sum(c)::BIGINT AS c
    FROM sums
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
