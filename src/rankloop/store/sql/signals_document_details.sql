-- The few documents that are listed: their id, and sums over clusters for their rates.
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
--   document_keys BIGINT[]: the documents that are listed
-- Columns:
--   document_key BIGINT: the document, as a number
--   document_id VARCHAR: the document
--   lowest_level TINYINT: lowest level that its impressions are clustered by
--   highest_level TINYINT: highest such level
--   n_clusters BIGINT: clusters that it was shown to
--   n BIGINT: impressions
--   c BIGINT: clicked impressions
--   nn BIGINT: sum of squared impressions
--   cn BIGINT: sum of clicked impressions times impressions
--   cc BIGINT: sum of squared clicked impressions
--   conversions BIGINT: impressions that led to a purchase or a cart
--   positions BIGINT: sum of the positions it was shown at
--   oe DOUBLE: sum of clicked impressions times expected clicks
--   ee DOUBLE: sum of squared expected clicks
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
),
-- What needs no sums over people is counted apart: one row a person is to stay narrow.
totals AS (
    SELECT
        h.document_key AS document_key,
        max(h.search_key) AS search_key,
        min(h.cluster_level) AS lowest_level,
        max(h.cluster_level) AS highest_level,
        sum(h.converted)::BIGINT AS conversions,
        sum(h.position)::BIGINT AS positions
    FROM click_log h
    ANTI JOIN edges e ON e.search_key = h.search_key
    WHERE h.document_key IN (SELECT unnest($document_keys::BIGINT[]))
        AND ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
        AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
        AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
        AND (h.is_counted OR $include_robots::BOOLEAN)
    GROUP BY h.document_key
),
clusters AS (
    SELECT
        h.document_key AS document_key,
        count(*) AS n,
        coalesce(count(*) FILTER (WHERE h.clicked = 1), 0) AS c,
        coalesce(
            sum(
                list_extract(
                    $position_rates::DOUBLE[],
                    least(h.position + 1, array_length($position_rates::DOUBLE[]))
                )
            ),
            0
        ) AS expected
    FROM click_log h
    ANTI JOIN edges e ON e.search_key = h.search_key
    WHERE h.document_key IN (SELECT unnest($document_keys::BIGINT[]))
        AND ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
        AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
        AND ($surface::VARCHAR IS NULL OR h.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR h.device = $device::VARCHAR)
        AND (h.is_counted OR $include_robots::BOOLEAN)
    GROUP BY h.document_key, h.cluster_level, h.cluster_key
),
sums AS (
    SELECT
        document_key,
        count(*) AS n_clusters,
        sum(n)::BIGINT AS n,
        sum(c)::BIGINT AS c,
        sum(n * n)::BIGINT AS nn,
        sum(c * n)::BIGINT AS cn,
        sum(c * c)::BIGINT AS cc,
        sum(c * expected) AS oe,
        sum(expected * expected) AS ee
    FROM clusters
    GROUP BY document_key
),
-- The id is looked up in one list that showed the document: texts are slow to carry along.
names AS (
    SELECT t.document_key AS document_key, any_value(h.document_id) AS document_id
    FROM totals t
    JOIN click_log h ON h.search_key = t.search_key AND h.document_key = t.document_key
    GROUP BY t.document_key
)
SELECT
    s.document_key AS document_key,
    n.document_id AS document_id,
    t.lowest_level AS lowest_level,
    t.highest_level AS highest_level,
    s.n_clusters AS n_clusters,
    s.n AS n,
    s.c AS c,
    s.nn AS nn,
    s.cn AS cn,
    s.cc AS cc,
    t.conversions AS conversions,
    t.positions AS positions,
    s.oe AS oe,
    s.ee AS ee
FROM sums s
JOIN totals t ON t.document_key = s.document_key
JOIN names n ON n.document_key = s.document_key
ORDER BY s.document_key
