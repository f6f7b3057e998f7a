-- What interactions show about the way they were recorded, by source; robots included.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only what followed a list shown there
--   device VARCHAR: only on this kind of device
-- Columns:
--   source VARCHAR: the way in that the interactions took
--   interactions BIGINT: how many
--   clicks BIGINT: how many of them are clicks
--   robots BIGINT: credited to a list shown to a program
--   with_document BIGINT: that name a document
--   orphans BIGINT: of those, that no list is known to have shown
--   orphan_clicks BIGINT: orphans that are clicks
--   with_search BIGINT: that name a document and a search
--   lost_searches BIGINT: of those, orphans whose search never arrived
--   not_shown BIGINT: of those, orphans whose search did not show the document
--   guessed BIGINT: credited by session or user, for want of a search
--   placed BIGINT: credited, and with a position of their own
--   misplaced BIGINT: of those, the ones whose position is not where the list showed the document
--   one_deeper BIGINT: of those, the ones that say one more than the list
--   clicks_without_position BIGINT: clicks that name no position
--   clicks_without_query BIGINT: orphan clicks that name no query
--   without_user BIGINT: that name no user
--   without_session BIGINT: that name no session
--   anonymous BIGINT: that name neither
--   early BIGINT: credited by search, and dated over a second before the list
--   ahead BIGINT: dated over a minute after they arrived
--   behind BIGINT: dated over a day before they arrived
WITH done AS (
    SELECT
        i.source AS source,
        i.type_mask & 2 > 0 AS is_click,
        i.document_id IS NOT NULL AS has_document,
        coalesce(c.rule, -1) AS rule,
        i.search_id AS search_id,
        c.search_key AS search_key,
        i.position AS position,
        c.position AS shown_position,
        i.query_key AS query_key,
        i.user_key AS user_key,
        i.session_id AS session_id,
        coalesce(NOT l.is_counted, FALSE) AS is_robot,
        epoch_us(i.received_at) - epoch_us(i."at") AS lag_us,
        epoch_us(i."at") - epoch_us(l."at") AS delay_us
    FROM interactions i
    LEFT JOIN credits c ON c.interaction_key = i.interaction_key
    LEFT JOIN search_log l ON l.search_key = c.search_key
    WHERE ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR l.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR coalesce(l.device, i.device) = $device::VARCHAR)
)
SELECT
    source,
    count(*) AS interactions,
    coalesce(count(*) FILTER (WHERE is_click), 0)::BIGINT AS clicks,
    coalesce(count(*) FILTER (WHERE is_robot), 0)::BIGINT AS robots,
    coalesce(count(*) FILTER (WHERE has_document), 0)::BIGINT AS with_document,
    coalesce(count(*) FILTER (WHERE rule = 0), 0)::BIGINT AS orphans,
    coalesce(count(*) FILTER (WHERE rule = 0 AND is_click), 0)::BIGINT AS orphan_clicks,
    coalesce(count(*) FILTER (WHERE has_document AND search_id IS NOT NULL), 0)::BIGINT
        AS with_search,
    coalesce(
        count(*) FILTER (WHERE rule = 0 AND search_id IS NOT NULL AND search_key IS NULL), 0
    )::BIGINT AS lost_searches,
    coalesce(count(*) FILTER (WHERE rule = 0 AND search_key IS NOT NULL), 0)::BIGINT
        AS not_shown,
    coalesce(count(*) FILTER (WHERE rule > 1), 0)::BIGINT AS guessed,
    coalesce(
        count(*) FILTER (WHERE rule > 0 AND position IS NOT NULL AND shown_position IS NOT NULL), 0
    )::BIGINT AS placed,
    coalesce(count(*) FILTER (WHERE rule > 0 AND position <> shown_position), 0)::BIGINT
        AS misplaced,
    coalesce(count(*) FILTER (WHERE rule > 0 AND position = shown_position + 1), 0)::BIGINT
        AS one_deeper,
    coalesce(count(*) FILTER (WHERE is_click AND position IS NULL), 0)::BIGINT
        AS clicks_without_position,
    coalesce(count(*) FILTER (WHERE is_click AND rule = 0 AND query_key IS NULL), 0)::BIGINT
        AS clicks_without_query,
    coalesce(count(*) FILTER (WHERE user_key IS NULL), 0)::BIGINT AS without_user,
    coalesce(count(*) FILTER (WHERE session_id IS NULL), 0)::BIGINT AS without_session,
    coalesce(count(*) FILTER (WHERE user_key IS NULL AND session_id IS NULL), 0)::BIGINT
        AS anonymous,
    coalesce(count(*) FILTER (WHERE rule = 1 AND delay_us < -1000000), 0)::BIGINT AS early,
    coalesce(count(*) FILTER (WHERE lag_us < -60000000), 0)::BIGINT AS ahead,
    coalesce(count(*) FILTER (WHERE lag_us > 86400000000), 0)::BIGINT AS behind
FROM done
GROUP BY source
ORDER BY source
