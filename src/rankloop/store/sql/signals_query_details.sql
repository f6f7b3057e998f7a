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
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
),
positions AS (
    SELECT h.position AS position, sum(h.clicked) / count(*) AS rate
    FROM click_log h
    ANTI JOIN edges e ON e.search_key = h.search_key
    WHERE ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
        AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
        AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
        AND (h.is_counted OR $include_robots::BOOLEAN)
    GROUP BY h.position
),
reach AS (
    SELECT position, rate, sum(rate) OVER (ORDER BY position) AS rate_so_far
    FROM positions
),
lists AS (
    SELECT
        l.query_key AS query_key,
        l.cluster_key AS cluster_key,
        l.cluster_level AS cluster_level,
        s.query,
        l.n_results AS n_results,
        CASE WHEN l.is_reformulated THEN 1 ELSE 0 END AS is_reformulated,
        CASE WHEN l.n_results IS NOT NULL AND l.is_abandoned THEN 1 ELSE 0 END AS is_abandoned,
        CASE WHEN l.n_results IS NOT NULL THEN l.first_click_position END AS first_click_position,
        CASE WHEN l.n_results IS NULL THEN 0 ELSE l.n_clicked END AS clicks,
        s.page_offset AS first_position,
        s.page_offset + l.n_results - 1 AS last_position
    FROM search_log l
    JOIN searches s ON s.search_key = l.search_key
    WHERE l.query_key IN (SELECT unnest($query_keys::VARCHAR[]))
        AND ($retriever_id::VARCHAR IS NULL OR l.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR l."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR l."at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR l.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR l.device = $device::VARCHAR)
        AND (l.is_counted OR $include_robots::BOOLEAN)
),
clusters AS (
    SELECT
        l.query_key AS query_key,
        max(l.query) AS query,
        l.cluster_level AS cluster_level,
        l.cluster_key AS cluster_key,
        count(*) AS searches,
        sum(l.is_reformulated) AS reformulated,
        sum(l.is_abandoned) AS abandoned,
        coalesce(sum(l.first_click_position), 0) AS first_positions,
        count(l.n_results) AS n,
        coalesce(count(*) FILTER (WHERE l.clicks > 0), 0) AS c,
        coalesce(count(*) FILTER (WHERE l.n_results = 0), 0) AS z,
        sum(l.clicks)::BIGINT AS o,
        coalesce(sum(b.rate_so_far - a.rate_so_far + a.rate), 0) AS e
    FROM lists l
    LEFT JOIN reach a ON a.position = l.first_position AND l.last_position >= l.first_position
    LEFT JOIN reach b ON b.position = l.last_position AND l.last_position >= l.first_position
    GROUP BY l.query_key, l.cluster_level, l.cluster_key
)
SELECT
    query_key,
    max(query) AS query,
    min(cluster_level) AS lowest_level,
    max(cluster_level) AS highest_level,
    sum(searches)::BIGINT AS searches,
    sum(reformulated)::BIGINT AS reformulated,
    sum(abandoned)::BIGINT AS abandoned,
    sum(first_positions)::BIGINT AS first_positions,
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
ORDER BY query_key
