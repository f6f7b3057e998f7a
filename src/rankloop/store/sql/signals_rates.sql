-- Sums over clusters for every rate of the overview, one rate a row.
--
-- A list is known where its results are; `ctr` is known lists with a credited click over known
-- lists. Clusters are thrown together into 1,024 groups by the low bits of their key: they are
-- independent, so the sums of squares expect the same, and the question stays small.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
-- Columns:
--   rate VARCHAR: which rate; of first_click_position, successes are the sum of positions
--   n_clusters BIGINT: groups of clusters with at least one trial
--   n BIGINT: trials
--   c BIGINT: successes
--   nn BIGINT: sum of squared trials
--   cn BIGINT: sum of successes times trials
--   cc BIGINT: sum of squared successes
WITH lists AS (
    SELECT
        *,
        cluster_key & 1023 AS cluster,
        CASE WHEN n_results IS NULL THEN 0 ELSE 1 END AS is_known,
        CASE WHEN n_results IS NULL OR n_clicked = 0 THEN 0 ELSE 1 END AS is_clicked,
        coalesce(first_click_delay_ms, 9000000) AS delay_ms
    FROM search_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
        AND (is_counted OR $include_robots::BOOLEAN)
),
sums AS (
    SELECT
        cluster,
        count(*)::BIGINT AS lists,
        sum(is_known)::BIGINT AS known,
        sum(is_clicked)::BIGINT AS clicked,
        coalesce(sum(n_results), 0)::BIGINT AS impressions,
        sum(n_clicked * is_known)::BIGINT AS clicks,
        sum(CASE WHEN is_converted THEN is_known ELSE 0 END)::BIGINT AS converted,
        sum(CASE WHEN n_results = 0 THEN 1 ELSE 0 END)::BIGINT AS zero,
        sum(CASE WHEN is_abandoned THEN is_known ELSE 0 END)::BIGINT AS abandoned,
        sum(CASE WHEN is_reformulated THEN 1 ELSE 0 END)::BIGINT AS reformulated,
        sum(CASE WHEN delay_ms <= 5000 THEN is_clicked ELSE 0 END)::BIGINT AS within_5_s,
        sum(CASE WHEN delay_ms <= 30000 THEN is_clicked ELSE 0 END)::BIGINT AS within_30_s,
        sum(CASE WHEN delay_ms <= 60000 THEN is_clicked ELSE 0 END)::BIGINT AS within_60_s,
        coalesce(sum(first_click_position * is_clicked), 0)::BIGINT AS first_positions
    FROM lists
    GROUP BY cluster
),
trials AS (
    SELECT 'ctr' AS rate, known AS n, clicked AS c FROM sums
    UNION ALL
    SELECT 'impression_ctr' AS rate, impressions AS n, clicks AS c FROM sums
    UNION ALL
    SELECT 'conversion_rate' AS rate, known AS n, converted AS c FROM sums
    UNION ALL
    SELECT 'zero_result_rate' AS rate, known AS n, zero AS c FROM sums
    UNION ALL
    SELECT 'abandonment' AS rate, known AS n, abandoned AS c FROM sums
    UNION ALL
    SELECT 'reformulation' AS rate, lists AS n, reformulated AS c FROM sums
    UNION ALL
    SELECT 'clicked_within_5_s' AS rate, known AS n, within_5_s AS c FROM sums
    UNION ALL
    SELECT 'clicked_within_30_s' AS rate, known AS n, within_30_s AS c FROM sums
    UNION ALL
    SELECT 'clicked_within_60_s' AS rate, known AS n, within_60_s AS c FROM sums
    UNION ALL
    SELECT 'first_click_position' AS rate, clicked AS n, first_positions AS c FROM sums
)
SELECT
    rate,
    count(*) FILTER (WHERE n > 0) AS n_clusters,
    sum(n)::BIGINT AS n,
    sum(c)::BIGINT AS c,
    sum(n * n)::BIGINT AS nn,
    sum(c * n)::BIGINT AS cn,
    sum(c * c)::BIGINT AS cc
FROM trials
GROUP BY rate
ORDER BY rate
