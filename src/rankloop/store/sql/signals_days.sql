-- Searches, impressions and clicks by day, with sums over clusters for the intervals.
--
-- Clusters are thrown together into 1,024 groups, as in signals_rates.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
--   limit BIGINT: most rows
--   offset BIGINT: rows to leave out first
-- Columns:
--   day DATE: day in UTC, newest first
--   searches BIGINT: lists shown
--   impressions BIGINT: documents shown
--   clicks BIGINT: documents shown and clicked
--   zero BIGINT: lists known to be empty
--   conversions BIGINT: lists with a credited purchase or cart
--   n_clusters BIGINT: groups of clusters with a known list
--   n BIGINT: known lists
--   c BIGINT: known lists with a credited click
--   nn BIGINT: sum of squared known lists
--   cn BIGINT: sum of clicked times known lists
--   cc BIGINT: sum of squared clicked lists
--   n_days BIGINT: days in all
WITH sums AS (
    SELECT
        "day",
        cluster_key & 1023 AS cluster,
        count(*) AS searches,
        coalesce(sum(n_results), 0)::BIGINT AS impressions,
        sum(n_clicked)::BIGINT AS clicks,
        coalesce(count(*) FILTER (WHERE n_results = 0), 0) AS zero,
        coalesce(count(*) FILTER (WHERE is_converted), 0) AS conversions,
        count(n_results) AS n,
        coalesce(count(*) FILTER (WHERE n_results IS NOT NULL AND n_clicked > 0), 0) AS c
    FROM search_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
    GROUP BY "day", cluster
),
per_day AS (
    SELECT
        "day",
        sum(searches)::BIGINT AS searches,
        sum(impressions)::BIGINT AS impressions,
        sum(clicks)::BIGINT AS clicks,
        sum(zero)::BIGINT AS zero,
        sum(conversions)::BIGINT AS conversions,
        coalesce(count(*) FILTER (WHERE n > 0), 0)::BIGINT AS n_clusters,
        sum(n)::BIGINT AS n,
        sum(c)::BIGINT AS c,
        sum(n * n)::BIGINT AS nn,
        sum(c * n)::BIGINT AS cn,
        sum(c * c)::BIGINT AS cc
    FROM sums
    GROUP BY "day"
),
totals AS (SELECT count(*) AS n_days FROM per_day)
SELECT d.*, t.n_days
FROM per_day d
CROSS JOIN totals t
ORDER BY d."day" DESC
LIMIT $limit OFFSET $offset
