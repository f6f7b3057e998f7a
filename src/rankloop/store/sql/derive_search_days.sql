-- Days with a list whose row may change through new lists and interactions, or marked as stale.
--
-- What credits change is not among them: see `derive_credited_days`. A list matters to those a
-- margin before and after it, and to the other lists of its search; an interaction without a
-- document to the search it names; one too many to all lists of its person within the hour.
--
-- Parameters:
--   searches_done BIGINT: lists with a higher key are new
--   interactions_done BIGINT: interactions with a higher key are new
--   margin_us BIGINT: how far a list or an interaction matters to the lists around it
--   robot_interactions BIGINT: most interactions of one person in an hour
-- Columns:
--   day DATE: the day, UTC
WITH news AS (
    SELECT search_id, epoch_us("at") AS at_us
    FROM searches
    WHERE search_key > $searches_done::BIGINT
),
acts AS (
    SELECT search_id, document_id, user_key, session_id, epoch_us("at") AS at_us
    FROM interactions
    WHERE interaction_key > $interactions_done::BIGINT
),
near_acts AS (
    SELECT user_key, session_id
    FROM interactions
    WHERE epoch_us("at") >= (SELECT min(at_us) FROM acts) - $margin_us::BIGINT
        AND epoch_us("at") <= (SELECT max(at_us) FROM acts) + $margin_us::BIGINT
),
busy_users AS (
    SELECT user_key
    FROM near_acts
    WHERE user_key IN (SELECT user_key FROM acts)
    GROUP BY user_key
    HAVING count(*) > $robot_interactions::BIGINT
),
busy_sessions AS (
    SELECT session_id
    FROM near_acts
    WHERE session_id IN (SELECT session_id FROM acts)
    GROUP BY session_id
    HAVING count(*) > $robot_interactions::BIGINT
),
moments AS (
    SELECT at_us - $margin_us::BIGINT AS at_us FROM news
    UNION ALL
    SELECT at_us FROM news
    UNION ALL
    SELECT at_us + $margin_us::BIGINT AS at_us FROM news
    UNION ALL
    SELECT epoch_us("at") AS at_us
    FROM searches
    WHERE search_id IN (SELECT search_id FROM news)
    UNION ALL
    SELECT epoch_us("at") AS at_us
    FROM searches
    WHERE search_id IN (SELECT search_id FROM acts WHERE document_id IS NULL)
    UNION ALL
    SELECT at_us FROM acts
    WHERE user_key IN (SELECT user_key FROM busy_users)
        OR session_id IN (SELECT session_id FROM busy_sessions)
    UNION ALL
    SELECT at_us + $margin_us::BIGINT AS at_us FROM acts
    WHERE user_key IN (SELECT user_key FROM busy_users)
        OR session_id IN (SELECT session_id FROM busy_sessions)
),
stale AS (
    SELECT make_timestamp(at_us)::DATE AS "day" FROM moments
    UNION ALL
    SELECT "day" AS "day" FROM dirty_days
    UNION ALL
    -- Who is a robot shortly after midnight may be none without what was erased before it.
    SELECT l."day" AS "day"
    FROM search_log l
    JOIN dirty_days d ON (d."day" + INTERVAL 1 DAY)::DATE = l."day"
    WHERE l.is_robot AND l.actor = 'human'
)
SELECT DISTINCT "day" AS "day" FROM stale ORDER BY "day"
