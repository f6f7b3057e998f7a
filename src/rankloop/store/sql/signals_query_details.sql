-- The few queries that are listed: their text, and sums over clusters for their rates.
--
-- Here clusters are the people themselves.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
--   position_rates DOUBLE[]: click rate of each position from 0; deeper ones have the last
--   query_keys VARCHAR[]: the queries that are listed
-- Columns:
--   query_key VARCHAR: the information need
--   query VARCHAR: one of its texts, as typed
--   lowest_level TINYINT: lowest level that its lists are clustered by
--   highest_level TINYINT: highest such level
--   searches BIGINT: lists shown
--   reformulated BIGINT: lists after which the same person asked something else
--   abandoned BIGINT: known lists without any credited interaction
--   first_positions BIGINT: sum of first-click positions over the clicked lists
--   n_clusters BIGINT: clusters with a known list
--   n BIGINT: known lists
--   nn BIGINT: sum of squared known lists
--   c BIGINT: known lists with a credited click
--   cn BIGINT: sum of clicked times known lists
--   cc BIGINT: sum of squared clicked lists
--   z BIGINT: empty lists
--   zn BIGINT: sum of empty times known lists
--   zz BIGINT: sum of squared empty lists
--   oo BIGINT: sum of squared clicked impressions
--   oe DOUBLE: sum of clicked impressions times expected clicks
--   ee DOUBLE: sum of squared expected clicks
WITH rates AS (
    SELECT position, list_extract($position_rates::DOUBLE[], position + 1) AS rate
    FROM (SELECT unnest(range(0, array_length($position_rates::DOUBLE[]))) AS position)
),
-- Clicks to be expected above position x: rate_before + (x - position) * rate, in the row of x or,
-- where x is deeper than all rows, in the last one.
reach AS (
    SELECT
        position,
        rate,
        coalesce(
            sum(rate) OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0
        ) AS rate_before
    FROM rates
),
offsets AS (SELECT search_key, page_offset FROM searches WHERE page_offset > 0),
lists AS (
    SELECT
        l.query_key AS query_key,
        l.cluster_key AS cluster_key,
        l.cluster_level AS cluster_level,
        l.search_key AS search_key,
        l.n_results AS n_results,
        l.is_reformulated AS is_reformulated,
        l.n_results IS NOT NULL AND l.is_abandoned AS is_abandoned,
        CASE WHEN l.n_results IS NOT NULL THEN l.first_click_position END AS first_click_position,
        CASE WHEN l.n_results IS NULL THEN 0 ELSE l.n_clicked END AS clicks,
        coalesce(o.page_offset, 0) AS first_position,
        coalesce(o.page_offset, 0) + l.n_results AS end_position
    FROM search_log l
    LEFT JOIN offsets o ON o.search_key = l.search_key
    WHERE l.query_key IN (SELECT unnest($query_keys::VARCHAR[]))
        AND ($retriever_id::VARCHAR IS NULL OR l.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR l."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR l."at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR l.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR l.device = $device::VARCHAR)
        AND (l.is_counted OR $include_robots::BOOLEAN)
),
-- What needs no sums over people is counted apart: one row a person is to stay narrow.
totals AS (
    SELECT
        query_key,
        max(search_key) AS search_key,
        min(cluster_level) AS lowest_level,
        max(cluster_level) AS highest_level,
        count(*)::BIGINT AS searches,
        coalesce(count(*) FILTER (WHERE is_reformulated), 0)::BIGINT AS reformulated,
        coalesce(count(*) FILTER (WHERE is_abandoned), 0)::BIGINT AS abandoned,
        coalesce(sum(first_click_position), 0)::BIGINT AS first_positions
    FROM lists
    GROUP BY query_key
),
clusters AS (
    SELECT
        l.query_key AS query_key,
        count(l.n_results) AS n,
        coalesce(count(*) FILTER (WHERE l.clicks > 0), 0) AS c,
        coalesce(count(*) FILTER (WHERE l.n_results = 0), 0) AS z,
        sum(l.clicks)::BIGINT AS o,
        coalesce(
            sum(
                b.rate_before + (l.end_position - b.position) * b.rate
                - a.rate_before - (l.first_position - a.position) * a.rate
            ),
            0
        ) AS e
    FROM lists l
    LEFT JOIN reach a
        ON a.position = least(l.first_position, array_length($position_rates::DOUBLE[]) - 1)
    LEFT JOIN reach b
        ON b.position = least(l.end_position, array_length($position_rates::DOUBLE[]) - 1)
    GROUP BY l.query_key, l.cluster_level, l.cluster_key
),
sums AS (
    SELECT
        query_key,
        coalesce(count(*) FILTER (WHERE n > 0), 0)::BIGINT AS n_clusters,
        sum(n)::BIGINT AS n,
        sum(n * n)::BIGINT AS nn,
        sum(c)::BIGINT AS c,
        sum(c * n)::BIGINT AS cn,
        sum(c * c)::BIGINT AS cc,
        sum(z)::BIGINT AS z,
        sum(z * n)::BIGINT AS zn,
        sum(z * z)::BIGINT AS zz,
        sum(o * o)::BIGINT AS oo,
        sum(o * e) AS oe,
        sum(e * e) AS ee
    FROM clusters
    GROUP BY query_key
)
SELECT
    s.query_key AS query_key,
    q.query AS query,
    t.lowest_level AS lowest_level,
    t.highest_level AS highest_level,
    t.searches AS searches,
    t.reformulated AS reformulated,
    t.abandoned AS abandoned,
    t.first_positions AS first_positions,
    s.n_clusters AS n_clusters,
    s.n AS n,
    s.nn AS nn,
    s.c AS c,
    s.cn AS cn,
    s.cc AS cc,
    s.z AS z,
    s.zn AS zn,
    s.zz AS zz,
    s.oo AS oo,
    s.oe AS oe,
    s.ee AS ee
FROM sums s
JOIN totals t ON t.query_key = s.query_key
JOIN searches q ON q.search_key = t.search_key
ORDER BY s.query_key
