-- Which list, and which place in it, each interaction with a document is credited to.
--
-- Rule 1: the search it names, however far apart their clocks are; of several lists of that search
-- the first that showed the document. Rule 2: of the lists its session was shown up to its moment
-- and within the window, the latest with the document. Rule 3: likewise of its user's, where its
-- session has none. Rule 0: no list, an orphan; where it names a search that is known and did not
-- show the document, `search_key` says which.
-- A list belongs to the interaction's own retriever, unless that is `default`, where those belong
-- that name none: they may go to any retriever's list if their own has none. Lists of the same
-- moment are told apart by their identifiers, so that the order of arrival plays no part.
--
-- Parameters:
--   since TIMESTAMP: interactions from this moment on
--   until TIMESTAMP: and before this one
--   shown_since TIMESTAMP: `since` less the window
--   window_us BIGINT: how long after a list an interaction may be credited to it unnamed
-- Columns:
--   interaction_key BIGINT: the interaction
--   interaction_day DATE: its day, UTC
--   search_key BIGINT: the list it is credited to
--   position INTEGER: where that list showed the document; NULL where the list is not known
--   rule TINYINT: 1 by search, 2 by session, 3 by user, 0 an orphan
WITH asked AS (
    SELECT interaction_key, "at", retriever_id, search_id, document_id, user_key, session_id
    FROM interactions
    WHERE "at" >= $since::TIMESTAMP AND "at" < $until::TIMESTAMP AND document_id IS NOT NULL
),
-- All lists of a named search go by one number. No step joins every interaction of a search with
-- every list of it, nor those of a session or user: a robot has too many of both.
heads AS (
    SELECT
        search_id,
        min(search_key) AS head_key,
        arg_min(search_key, page_offset) AS first_key,
        arg_min(search_key, page_offset) FILTER (WHERE n_results IS NULL) AS unknown_key
    FROM searches
    WHERE search_id IN (SELECT search_id FROM asked)
    GROUP BY search_id
),
named AS (
    SELECT
        a.interaction_key AS interaction_key,
        a.document_id AS document_id,
        h.head_key AS head_key,
        h.first_key AS first_key,
        h.unknown_key AS unknown_key
    FROM asked a
    JOIN heads h ON h.search_id = a.search_id
),
named_lists AS (
    SELECT
        h.head_key AS head_key,
        m.document_id AS document_id,
        m.search_key AS search_key,
        m.position AS position,
        s.page_offset::BIGINT * 4194304 + m.position AS place
    FROM searches s
    JOIN heads h ON h.search_id = s.search_id
    JOIN impressions m ON m.search_key = s.search_key
    WHERE (h.head_key, m.document_id) IN (SELECT head_key, document_id FROM named)
),
named_shown AS (
    SELECT
        head_key,
        document_id,
        arg_min(search_key, place) AS search_key,
        arg_min(position, place) AS position
    FROM named_lists
    GROUP BY head_key, document_id
),
by_search AS (
    SELECT
        n.interaction_key AS interaction_key,
        coalesce(v.search_key, n.unknown_key, n.first_key) AS search_key,
        v.position AS position,
        v.search_key IS NOT NULL OR n.unknown_key IS NOT NULL AS is_credited
    FROM named n
    LEFT JOIN named_shown v ON v.head_key = n.head_key AND v.document_id = n.document_id
),
session_seekers AS (
    SELECT interaction_key, "at", document_id, session_id, retriever_id AS scope, 0 AS is_wide
    FROM asked
    WHERE search_id IS NULL AND session_id IS NOT NULL
    UNION ALL
    SELECT interaction_key, "at", document_id, session_id, '' AS scope, 1 AS is_wide
    FROM asked
    WHERE search_id IS NULL AND session_id IS NOT NULL AND retriever_id = 'default'
),
session_lists AS (
    SELECT
        s.session_id AS session_id,
        m.document_id AS document_id,
        s.retriever_id AS retriever_id,
        s."at" AS "at",
        s.search_id AS search_id,
        s.page_offset AS page_offset,
        s.search_key AS search_key,
        m.position AS position
    FROM searches s
    JOIN impressions m ON m.search_key = s.search_key
    WHERE s."at" >= $shown_since::TIMESTAMP AND s."at" < $until::TIMESTAMP
        AND s.session_id IN (SELECT session_id FROM session_seekers)
        AND (s.session_id, m.document_id) IN (SELECT session_id, document_id FROM session_seekers)
),
session_scopes AS (
    SELECT session_id, document_id, retriever_id AS scope, "at", search_id, page_offset, search_key,
        position
    FROM session_lists
    UNION ALL
    SELECT session_id, document_id, '' AS scope, "at", search_id, page_offset, search_key, position
    FROM session_lists
    WHERE session_id IN (SELECT session_id FROM session_seekers WHERE is_wide = 1)
),
session_shown AS (
    SELECT
        session_id, document_id, scope, "at",
        arg_max(search_key, (search_id, page_offset, -position)) AS search_key,
        arg_max(position, (search_id, page_offset, -position)) AS position
    FROM session_scopes
    GROUP BY session_id, document_id, scope, "at"
),
by_session AS (
    SELECT
        i.interaction_key AS interaction_key,
        arg_min(v.search_key, i.is_wide) AS search_key,
        arg_min(v.position, i.is_wide) AS position
    FROM session_seekers i
    ASOF JOIN session_shown v
        ON v.session_id = i.session_id AND v.document_id = i.document_id AND v.scope = i.scope
        AND i."at" >= v."at"
    WHERE epoch_us(i."at") - epoch_us(v."at") <= $window_us::BIGINT
    GROUP BY i.interaction_key
),
user_seekers AS (
    SELECT interaction_key, "at", document_id, user_key, retriever_id AS scope, 0 AS is_wide
    FROM asked
    WHERE search_id IS NULL AND user_key IS NOT NULL
        AND interaction_key NOT IN (SELECT interaction_key FROM by_session)
    UNION ALL
    SELECT interaction_key, "at", document_id, user_key, '' AS scope, 1 AS is_wide
    FROM asked
    WHERE search_id IS NULL AND user_key IS NOT NULL AND retriever_id = 'default'
        AND interaction_key NOT IN (SELECT interaction_key FROM by_session)
),
user_lists AS (
    SELECT
        s.user_key AS user_key,
        m.document_id AS document_id,
        s.retriever_id AS retriever_id,
        s."at" AS "at",
        s.search_id AS search_id,
        s.page_offset AS page_offset,
        s.search_key AS search_key,
        m.position AS position
    FROM searches s
    JOIN impressions m ON m.search_key = s.search_key
    WHERE s."at" >= $shown_since::TIMESTAMP AND s."at" < $until::TIMESTAMP
        AND s.user_key IN (SELECT user_key FROM user_seekers)
        AND (s.user_key, m.document_id) IN (SELECT user_key, document_id FROM user_seekers)
),
user_scopes AS (
    SELECT user_key, document_id, retriever_id AS scope, "at", search_id, page_offset, search_key,
        position
    FROM user_lists
    UNION ALL
    SELECT user_key, document_id, '' AS scope, "at", search_id, page_offset, search_key, position
    FROM user_lists
    WHERE user_key IN (SELECT user_key FROM user_seekers WHERE is_wide = 1)
),
user_shown AS (
    SELECT
        user_key, document_id, scope, "at",
        arg_max(search_key, (search_id, page_offset, -position)) AS search_key,
        arg_max(position, (search_id, page_offset, -position)) AS position
    FROM user_scopes
    GROUP BY user_key, document_id, scope, "at"
),
by_user AS (
    SELECT
        i.interaction_key AS interaction_key,
        arg_min(v.search_key, i.is_wide) AS search_key,
        arg_min(v.position, i.is_wide) AS position
    FROM user_seekers i
    ASOF JOIN user_shown v
        ON v.user_key = i.user_key AND v.document_id = i.document_id AND v.scope = i.scope
        AND i."at" >= v."at"
    WHERE epoch_us(i."at") - epoch_us(v."at") <= $window_us::BIGINT
    GROUP BY i.interaction_key
)
SELECT
    a.interaction_key AS interaction_key,
    a."at"::DATE AS interaction_day,
    coalesce(n.search_key, s.search_key, u.search_key) AS search_key,
    coalesce(n.position, s.position, u.position)::INTEGER AS position,
    CASE
        WHEN n.is_credited THEN 1
        WHEN s.search_key IS NOT NULL THEN 2
        WHEN u.search_key IS NOT NULL THEN 3
        ELSE 0
    END::TINYINT AS rule
FROM asked a
LEFT JOIN by_search n ON n.interaction_key = a.interaction_key
LEFT JOIN by_session s ON s.interaction_key = a.interaction_key
LEFT JOIN by_user u ON u.interaction_key = a.interaction_key
