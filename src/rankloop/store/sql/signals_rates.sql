-- Sums over clusters for every rate of the overview, one rate a row.
--
-- A list is known where its results are; `ctr` is known lists with a credited click over known
-- lists. Clusters are thrown together into 4,096 groups by the low bits of their key: they are
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
--   rate VARCHAR: which rate
--   n_clusters BIGINT: groups of clusters with at least one trial
--   n BIGINT: trials
--   c BIGINT: successes (of first_click_position: the sum of positions)
--   nn BIGINT: sum of squared trials
--   cn BIGINT: sum of successes times trials
--   cc BIGINT: sum of squared successes
WITH lists AS (
    SELECT
        cluster_key & 4095 AS cluster,
        CASE WHEN n_results IS NULL THEN 0 ELSE 1 END AS is_known,
        CASE WHEN n_results IS NOT NULL AND n_clicked > 0 THEN 1 ELSE 0 END AS is_clicked,
        *
    FROM search_log
    WHERE ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id)
        AND ($start::TIMESTAMP IS NULL OR "at" >= $start)
        AND ($end::TIMESTAMP IS NULL OR "at" < $end)
        AND ($surface::VARCHAR IS NULL OR surface = $surface)
        AND ($device::VARCHAR IS NULL OR device = $device)
        AND (is_counted OR $include_robots::BOOLEAN)
),
sums AS (
    SELECT
        cluster,
        count(*) AS lists,
        sum(is_known)::BIGINT AS known,
        sum(is_clicked)::BIGINT AS clicked,
        coalesce(sum(n_results), 0)::BIGINT AS impressions,
        sum(CASE WHEN n_results IS NULL THEN 0 ELSE n_clicked END)::BIGINT AS clicks,
        sum(CASE WHEN is_converted THEN is_known ELSE 0 END)::BIGINT AS converted,
        sum(CASE WHEN n_results = 0 THEN 1 ELSE 0 END)::BIGINT AS zero,
        sum(CASE WHEN is_abandoned THEN is_known ELSE 0 END)::BIGINT AS abandoned,
        sum(CASE WHEN is_reformulated THEN 1 ELSE 0 END)::BIGINT AS reformulated,
        sum(CASE WHEN first_click_delay_ms <= 5000 THEN is_clicked ELSE 0 END)::BIGINT AS within_5_s,
        sum(CASE WHEN first_click_delay_ms <= 30000 THEN is_clicked ELSE 0 END)::BIGINT AS within_30_s,
        sum(CASE WHEN first_click_delay_ms <= 60000 THEN is_clicked ELSE 0 END)::BIGINT AS within_60_s,
        sum(CASE WHEN is_clicked = 1 THEN first_click_position ELSE 0 END)::BIGINT AS first_positions
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
    sum(CASE WHEN n > 0 THEN 1 ELSE 0 END)::BIGINT AS n_clusters,
    sum(n)::BIGINT AS n,
    sum(c)::BIGINT AS c,
    sum(n * n)::BIGINT AS nn,
    sum(c * n)::BIGINT AS cn,
    sum(c * c)::BIGINT AS cc
FROM trials
GROUP BY rate
ORDER BY rate
