-- Days with an interaction that may have to be credited anew.
--
-- Those are: new ones; ones that name a new search; ones that name none, of a session or user with
-- new lists early enough; and whatever was on a day marked as stale.
--
-- Parameters:
--   searches_done BIGINT: lists with a higher key are new
--   interactions_done BIGINT: interactions with a higher key are new
--   window_us BIGINT: how long after a list an interaction may be credited to it unnamed
-- Columns:
--   day DATE: the day, UTC
WITH news AS (
    SELECT search_id, user_key, session_id, epoch_us("at") AS at_us
    FROM searches
    WHERE search_key > $searches_done::BIGINT
),
-- One span a person, so that a robot's lists do not multiply.
sessions AS (
    SELECT session_id, min(at_us) AS first_us, max(at_us) AS last_us
    FROM news
    WHERE session_id IS NOT NULL
    GROUP BY session_id
),
users AS (
    SELECT user_key, min(at_us) AS first_us, max(at_us) AS last_us
    FROM news
    WHERE user_key IS NOT NULL
    GROUP BY user_key
),
stale AS (
    SELECT "at"::DATE AS "day"
    FROM interactions
    WHERE interaction_key > $interactions_done::BIGINT AND document_id IS NOT NULL
    UNION ALL
    SELECT "at"::DATE AS "day"
    FROM interactions
    WHERE interaction_key <= $interactions_done::BIGINT AND document_id IS NOT NULL
        AND search_id IN (SELECT search_id FROM news)
    UNION ALL
    SELECT i."at"::DATE AS "day"
    FROM interactions i
    JOIN sessions s ON s.session_id = i.session_id
    WHERE i.interaction_key <= $interactions_done::BIGINT AND i.document_id IS NOT NULL
        AND i.search_id IS NULL
        AND epoch_us(i."at") >= s.first_us
        AND epoch_us(i."at") <= s.last_us + $window_us::BIGINT
    UNION ALL
    SELECT i."at"::DATE AS "day"
    FROM interactions i
    JOIN users u ON u.user_key = i.user_key
    WHERE i.interaction_key <= $interactions_done::BIGINT AND i.document_id IS NOT NULL
        AND i.search_id IS NULL
        AND epoch_us(i."at") >= u.first_us
        AND epoch_us(i."at") <= u.last_us + $window_us::BIGINT
    UNION ALL
    SELECT "day" AS "day" FROM dirty_days
)
SELECT DISTINCT "day" AS "day" FROM stale ORDER BY "day"
