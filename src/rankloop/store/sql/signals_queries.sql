-- Queries: the most frequent, those without results, and all with enough lists to be tested.
--
-- Expected clicks are those that the positions shown get from everyone; signals_positions says how
-- many that are.
-- A list shows the positions from its offset on.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
--   position_rates DOUBLE[]: click rate of each position from 0; deeper ones have the last
--   min_searches BIGINT: every query with so many known lists that are not empty; none if left out
--   limit BIGINT: how many of the most frequent queries
--   offset BIGINT: how many of the most frequent queries to leave out first
--   zero_limit BIGINT: how many of the queries with most empty lists; none if left out
-- Columns:
--   query_key VARCHAR: the information need
--   searches BIGINT: lists shown
--   known BIGINT: lists of which the results are known
--   filled BIGINT: known lists that are not empty
--   zero BIGINT: lists known to be empty
--   clicked BIGINT: known lists with a credited click
--   impressions BIGINT: documents shown
--   clicks BIGINT: documents shown and clicked
--   expected DOUBLE: clicks that the positions shown get from everyone
--   n_queries BIGINT: different queries in all
--   n_zero_queries BIGINT: queries in all with an empty list
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
cells AS (
    SELECT
        l.query_key AS query_key,
        coalesce(o.page_offset, 0) AS first_position,
        coalesce(o.page_offset, 0) + l.n_results AS end_position,
        count(*) AS searches,
        count(l.n_results) AS known,
        coalesce(count(*) FILTER (WHERE l.n_results = 0), 0) AS zero,
        coalesce(count(*) FILTER (WHERE l.n_results IS NOT NULL AND l.n_clicked > 0), 0) AS clicked,
        coalesce(sum(l.n_results), 0) AS impressions,
        coalesce(sum(l.n_clicked) FILTER (WHERE l.n_results IS NOT NULL), 0) AS clicks
    FROM search_log l
    LEFT JOIN offsets o ON o.search_key = l.search_key
    WHERE ($retriever_id::VARCHAR IS NULL OR l.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR l."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR l."at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR l.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR l.device = $device::VARCHAR)
        AND (l.is_counted OR $include_robots::BOOLEAN)
    GROUP BY l.query_key, first_position, end_position
),
per_query AS (
    SELECT
        c.query_key AS query_key,
        sum(c.searches)::BIGINT AS searches,
        sum(c.known)::BIGINT AS known,
        sum(c.known - c.zero)::BIGINT AS filled,
        sum(c.zero)::BIGINT AS zero,
        sum(c.clicked)::BIGINT AS clicked,
        sum(c.impressions)::BIGINT AS impressions,
        sum(c.clicks)::BIGINT AS clicks,
        coalesce(
            sum(
                c.searches * (
                    b.rate_before + (c.end_position - b.position) * b.rate
                    - a.rate_before - (c.first_position - a.position) * a.rate
                )
            ),
            0
        ) AS expected
    FROM cells c
    LEFT JOIN reach a
        ON a.position = least(c.first_position, array_length($position_rates::DOUBLE[]) - 1)
    LEFT JOIN reach b
        ON b.position = least(c.end_position, array_length($position_rates::DOUBLE[]) - 1)
    GROUP BY c.query_key
),
frequent AS (
    SELECT query_key
    FROM per_query
    ORDER BY searches DESC, query_key
    LIMIT $limit OFFSET $offset
),
empty AS (
    SELECT query_key
    FROM per_query
    WHERE zero > 0
    ORDER BY zero DESC, query_key
    LIMIT coalesce($zero_limit::BIGINT, 0)
),
totals AS (
    SELECT
        count(*) AS n_queries,
        coalesce(count(*) FILTER (WHERE zero > 0), 0)::BIGINT AS n_zero_queries
    FROM per_query
)
SELECT q.*, t.n_queries, t.n_zero_queries
FROM per_query q
CROSS JOIN totals t
WHERE q.filled >= $min_searches::BIGINT
    OR q.query_key IN (SELECT query_key FROM frequent)
    OR q.query_key IN (SELECT query_key FROM empty)
ORDER BY q.searches DESC, q.query_key
