-- What the lists show about the way they were recorded, by source; robots included.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
-- Columns:
--   source VARCHAR: the way in that the lists took
--   searches BIGINT: lists shown
--   clicked BIGINT: lists with a credited click
--   credited_clicks BIGINT: clicks credited to them
--   duplicates BIGINT: of those, further clicks on an impression that had been clicked
--   robots BIGINT: lists shown to robots and other programs
--   without_results BIGINT: lists of which the results are not known
--   empty BIGINT: lists known to be empty
--   without_impressions BIGINT: lists said to have results of which none is stored
--   without_user BIGINT: lists that name no user
--   without_session BIGINT: lists that name no session
--   anonymous BIGINT: lists that name neither
--   ahead BIGINT: lists dated over a minute after they arrived
--   behind BIGINT: lists dated over a day before they arrived
WITH lists AS (
    SELECT
        s.source AS source,
        l.search_key AS search_key,
        l.n_clicked AS n_clicked,
        l.n_duplicate_clicks AS n_duplicate_clicks,
        l.is_counted AS is_counted,
        l.n_results AS n_results,
        s.user_key AS user_key,
        s.session_id AS session_id,
        epoch_us(s.received_at) - epoch_us(s."at") AS lag_us
    FROM search_log l
    JOIN searches s ON s.search_key = l.search_key
    WHERE ($retriever_id::VARCHAR IS NULL OR l.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR l."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR l."at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR l.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR l.device = $device::VARCHAR)
),
hollow AS (
    SELECT l.source AS source, count(*) AS without_impressions
    FROM lists l
    ANTI JOIN impressions i ON i.search_key = l.search_key
    WHERE l.n_results > 0
    GROUP BY l.source
),
sums AS (
    SELECT
        source,
        count(*) AS searches,
        coalesce(count(*) FILTER (WHERE n_clicked > 0), 0)::BIGINT AS clicked,
        sum(n_clicked + n_duplicate_clicks)::BIGINT AS credited_clicks,
        sum(n_duplicate_clicks)::BIGINT AS duplicates,
        coalesce(count(*) FILTER (WHERE NOT is_counted), 0)::BIGINT AS robots,
        coalesce(count(*) FILTER (WHERE n_results IS NULL), 0)::BIGINT AS without_results,
        coalesce(count(*) FILTER (WHERE n_results = 0), 0)::BIGINT AS empty,
        coalesce(count(*) FILTER (WHERE user_key IS NULL), 0)::BIGINT AS without_user,
        coalesce(count(*) FILTER (WHERE session_id IS NULL), 0)::BIGINT AS without_session,
        coalesce(count(*) FILTER (WHERE user_key IS NULL AND session_id IS NULL), 0)::BIGINT
            AS anonymous,
        coalesce(count(*) FILTER (WHERE lag_us < -60000000), 0)::BIGINT AS ahead,
        coalesce(count(*) FILTER (WHERE lag_us > 86400000000), 0)::BIGINT AS behind
    FROM lists
    GROUP BY source
)
SELECT
    s.source AS source,
    s.searches AS searches,
    s.clicked AS clicked,
    s.credited_clicks AS credited_clicks,
    s.duplicates AS duplicates,
    s.robots AS robots,
    s.without_results AS without_results,
    s.empty AS empty,
    coalesce(h.without_impressions, 0)::BIGINT AS without_impressions,
    s.without_user AS without_user,
    s.without_session AS without_session,
    s.anonymous AS anonymous,
    s.ahead AS ahead,
    s.behind AS behind
FROM sums s
LEFT JOIN hollow h ON h.source = s.source
ORDER BY s.source
