-- Every list shown on some days: whose it was, and what followed.
--
-- The person is the user where one was sent, else the session, else the list alone. A pause or
-- midnight (UTC) ends a visit. A robot is a program, or a user or session that did more within an
-- hour than people do, and is one until midnight. A list is shown again where its person, session,
-- query, page and documents in order were the same a while before; it is reformulated where its
-- person asked the same retriever something else soon after, without a click on it in between.
-- Chance had a say in a list where it says so by the tag `explore`, or where a document stands with
-- a logging probability of at most a half. The last click ended a search where its person is known,
-- and did not ask the same retriever for something other than before soon after it; that is told of
-- clicks near the list only, so that what happens days later changes no day.
--
-- Parameters:
--   since TIMESTAMP: lists from this moment on, the first of a day
--   until TIMESTAMP: and before this one, the first of a day
--   margin_us BIGINT: how far outside these days lists and interactions matter to those inside
--   session_gap_us BIGINT: longest pause within a visit
--   repeat_window_us BIGINT: longest time after which a list counts as shown again
--   reformulation_us BIGINT: longest time until the next query that counts as another try
--   quiet_us BIGINT: how long after the last click nothing else may be asked for
--   robot_searches BIGINT: most lists of one person in an hour
--   robot_interactions BIGINT: most interactions of one person in an hour
-- Columns:
--   search_key BIGINT: the list
--   day DATE: its day, UTC
--   at TIMESTAMP: its moment
--   retriever_id VARCHAR: which retriever made it
--   pipeline_version VARCHAR: what ranked it
--   surface VARCHAR: where it was shown
--   device VARCHAR: on what kind of device
--   actor VARCHAR: what the sender says it was shown to
--   variant VARCHAR: arm of an experiment
--   query_key VARCHAR: the information need
--   cluster_key BIGINT: the person
--   cluster_level TINYINT: what the person is known by; 0 user, 1 session, 2 this search
--   n_results INTEGER: documents shown; NULL where the list is unknown
--   is_counted BOOLEAN: whether rates count it; robots' lists are left out
--   is_explored BOOLEAN: chance had a say in its order
--   is_robot BOOLEAN: shown to a robot
--   is_repeat BOOLEAN: shown again unchanged
--   n_clicked INTEGER: documents clicked
--   n_duplicate_clicks INTEGER: further clicks on documents that had been clicked
--   first_click_position INTEGER: place of the earliest click
--   first_click_delay_ms BIGINT: time until the earliest click, never below 0
--   final_click_position INTEGER: place of the latest click, where that ended the search
--   n_interactions INTEGER: interactions credited to it, or naming it without a document
--   is_converted BOOLEAN: a purchase or a cart followed
--   value_micros BIGINT: value of the purchases that followed, in millionths
--   is_reformulated BOOLEAN: its person soon tried another query
--   is_abandoned BOOLEAN: known, and nothing credited to it
--   visit_at TIMESTAMP: first list of its visit
WITH near_lists AS (
    SELECT
        search_key,
        "at",
        "at"::DATE AS "day",
        epoch_us("at") AS at_us,
        retriever_id,
        pipeline_version,
        query_key,
        page_offset,
        search_id,
        n_results,
        user_key,
        session_id,
        surface,
        device,
        actor,
        variant,
        tags,
        CASE
            WHEN user_key IS NOT NULL THEN (md5_number_lower('user ' || user_key) // 2)::BIGINT
            WHEN session_id IS NOT NULL
                THEN (md5_number_lower('session ' || session_id) // 2)::BIGINT
            ELSE (md5_number_lower('search ' || search_id) // 2)::BIGINT
        END AS cluster_key
    FROM searches
    WHERE epoch_us("at") >= epoch_us($since::TIMESTAMP) - $margin_us::BIGINT
        AND epoch_us("at") < epoch_us($until::TIMESTAMP) + $margin_us::BIGINT
),
starts AS (
    SELECT
        search_key,
        cluster_key,
        retriever_id,
        query_key,
        at_us,
        CASE
            WHEN at_us - lag(at_us) OVER visits <= $session_gap_us::BIGINT
                AND lag("day") OVER visits = "day" THEN NULL
            ELSE "at"
        END AS start_at,
        CASE WHEN lag(query_key) OVER needs <> query_key THEN at_us END AS changed_us
    FROM near_lists
    WINDOW
        visits AS (PARTITION BY cluster_key ORDER BY at_us, search_key),
        needs AS (PARTITION BY cluster_key, retriever_id ORDER BY at_us, query_key, search_key)
),
chains AS (
    SELECT
        search_key,
        max(start_at) OVER (PARTITION BY cluster_key ORDER BY at_us, search_key) AS visit_at,
        min(changed_us) OVER (
            PARTITION BY cluster_key, retriever_id ORDER BY at_us, query_key, search_key
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS next_need_us
    FROM starts
),
-- Documents are compared only where everything else agrees.
alike AS (
    SELECT cluster_key, session_id, retriever_id, query_key, page_offset, n_results
    FROM near_lists
    WHERE n_results IS NOT NULL
    GROUP BY cluster_key, session_id, retriever_id, query_key, page_offset, n_results
    HAVING count(*) > 1
),
compared AS (
    SELECT
        l.search_key AS search_key,
        l.search_id AS search_id,
        l.at_us AS at_us,
        l.cluster_key AS cluster_key,
        l.session_id AS session_id,
        l.retriever_id AS retriever_id,
        l.query_key AS query_key,
        l.page_offset AS page_offset,
        l.n_results AS n_results
    FROM near_lists l
    JOIN alike a
        ON a.cluster_key = l.cluster_key
        AND a.session_id IS NOT DISTINCT FROM l.session_id
        AND a.retriever_id = l.retriever_id
        AND a.query_key = l.query_key
        AND a.page_offset = l.page_offset
        AND a.n_results = l.n_results
),
documents AS (
    SELECT document_id, md5_number_lower(document_id) % 4398046511104 AS document_key
    FROM (
        SELECT DISTINCT document_id
        FROM impressions
        WHERE search_key IN (SELECT search_key FROM compared)
    )
),
contents AS (
    SELECT
        m.search_key AS search_key,
        sum(d.document_key::BIGINT * (1 + m.position % 1009))::BIGINT AS content
    FROM impressions m
    JOIN documents d ON d.document_id = m.document_id
    WHERE m.search_key IN (SELECT search_key FROM compared)
    GROUP BY m.search_key
),
repeats AS (
    SELECT search_key
    FROM (
        SELECT
            c.search_key AS search_key,
            c.at_us AS at_us,
            lag(c.at_us) OVER (
                PARTITION BY c.cluster_key, c.session_id, c.retriever_id, c.query_key,
                    c.page_offset, c.n_results, d.content
                ORDER BY c.at_us, c.search_id
            ) AS before_us
        FROM compared c
        LEFT JOIN contents d ON d.search_key = c.search_key
    )
    WHERE at_us - before_us <= $repeat_window_us::BIGINT
),
acts AS (
    SELECT 1 AS kind, user_key AS who, at_us, "day" FROM near_lists WHERE user_key IS NOT NULL
    UNION ALL
    SELECT 2 AS kind, session_id AS who, at_us, "day" FROM near_lists WHERE session_id IS NOT NULL
    UNION ALL
    SELECT 3 AS kind, user_key AS who, epoch_us("at") AS at_us, "at"::DATE AS "day"
    FROM interactions
    WHERE user_key IS NOT NULL
        AND epoch_us("at") >= epoch_us($since::TIMESTAMP) - $margin_us::BIGINT
        AND epoch_us("at") < epoch_us($until::TIMESTAMP)
    UNION ALL
    SELECT 4 AS kind, session_id AS who, epoch_us("at") AS at_us, "at"::DATE AS "day"
    FROM interactions
    WHERE session_id IS NOT NULL
        AND epoch_us("at") >= epoch_us($since::TIMESTAMP) - $margin_us::BIGINT
        AND epoch_us("at") < epoch_us($until::TIMESTAMP)
),
busy AS (
    SELECT kind, who
    FROM acts
    GROUP BY kind, who
    HAVING count(*) > CASE WHEN kind <= 2 THEN $robot_searches::BIGINT
        ELSE $robot_interactions::BIGINT END
),
robots AS (
    SELECT kind % 2 AS is_user, who, "day"
    FROM (
        SELECT
            a.kind AS kind,
            a.who AS who,
            a."day" AS "day",
            count(*) OVER (
                PARTITION BY a.kind, a.who ORDER BY a.at_us // 1000000
                RANGE BETWEEN 3599 PRECEDING AND CURRENT ROW
            ) AS n
        FROM acts a
        JOIN busy b ON b.kind = a.kind AND b.who = a.who
    )
    WHERE n > CASE WHEN kind <= 2 THEN $robot_searches::BIGINT
        ELSE $robot_interactions::BIGINT END
    GROUP BY kind % 2, who, "day"
),
-- What followed, by list and place, then by list.
places AS (
    SELECT
        c.search_key AS search_key,
        c.position AS position,
        count(*) AS n_credited,
        count(*) FILTER (WHERE i.type_mask & 2 > 0) AS n_clicks,
        min(epoch_us(i."at")) FILTER (WHERE i.type_mask & 2 > 0) AS click_us,
        max(epoch_us(i."at")) FILTER (WHERE i.type_mask & 2 > 0) AS last_click_us,
        bit_or(i.type_mask) AS type_mask,
        sum(i.value_micros) FILTER (WHERE i.type_mask & 8 > 0) AS value_micros
    FROM credits c
    JOIN interactions i ON i.interaction_key = c.interaction_key
    WHERE c.rule > 0 AND c.search_key IN (SELECT search_key FROM near_lists)
    GROUP BY c.search_key, c.position
),
outcomes AS (
    SELECT
        search_key,
        sum(n_credited) AS n_credited,
        count(*) FILTER (WHERE n_clicks > 0 AND position IS NOT NULL) AS n_clicked,
        sum(n_clicks) FILTER (WHERE position IS NOT NULL) AS n_clicks,
        min(click_us) AS any_click_us,
        min(click_us) FILTER (WHERE position IS NOT NULL) AS click_us,
        arg_min(position, (click_us, position)) FILTER (WHERE n_clicks > 0) AS click_position,
        max(last_click_us) FILTER (WHERE position IS NOT NULL) AS last_click_us,
        arg_max(position, (last_click_us, position))
            FILTER (WHERE n_clicks > 0 AND position IS NOT NULL) AS last_click_position,
        bit_or(type_mask) AS type_mask,
        sum(value_micros) AS value_micros
    FROM places
    GROUP BY search_key
),
-- The last click of each list whose person is known, and their next list for something else.
last_clicks AS (
    SELECT
        n.search_key AS search_key,
        n.cluster_key AS cluster_key,
        n.retriever_id AS retriever_id,
        greatest(n.at_us, o.last_click_us) AS click_us
    FROM near_lists n
    JOIN outcomes o ON o.search_key = n.search_key
    WHERE o.last_click_us IS NOT NULL
        AND (n.user_key IS NOT NULL OR n.session_id IS NOT NULL)
),
changes AS (
    SELECT cluster_key, retriever_id, changed_us
    FROM starts
    WHERE changed_us IS NOT NULL
    GROUP BY cluster_key, retriever_id, changed_us
),
leavings AS (
    SELECT l.search_key AS search_key, l.click_us AS click_us, c.changed_us AS next_need_us
    FROM last_clicks l
    ASOF LEFT JOIN changes c
        ON c.cluster_key = l.cluster_key AND c.retriever_id = l.retriever_id
        AND l.click_us < c.changed_us
),
explored AS (
    SELECT search_key
    FROM impressions
    WHERE logging_probability <= 0.5::DOUBLE
        AND search_key IN (
            SELECT search_key
            FROM searches
            WHERE "at" >= $since::TIMESTAMP AND "at" < $until::TIMESTAMP
        )
    GROUP BY search_key
),
-- What names a search but no document belongs to the search's first list.
named AS (
    SELECT search_id, count(*) AS n_named
    FROM interactions
    WHERE document_id IS NULL AND search_id IS NOT NULL
    GROUP BY search_id
),
named_lists AS (
    SELECT arg_min(s.search_key, s.page_offset) AS search_key, max(n.n_named) AS n_named
    FROM searches s
    JOIN named n ON n.search_id = s.search_id
    GROUP BY s.search_id
)
SELECT
    l.search_key AS search_key,
    l."day" AS "day",
    l."at" AS "at",
    l.retriever_id AS retriever_id,
    l.pipeline_version AS pipeline_version,
    l.surface AS surface,
    l.device AS device,
    l.actor AS actor,
    l.variant AS variant,
    l.query_key AS query_key,
    l.cluster_key AS cluster_key,
    CASE WHEN l.user_key IS NOT NULL THEN 0 WHEN l.session_id IS NOT NULL THEN 1 ELSE 2 END::TINYINT
        AS cluster_level,
    l.n_results AS n_results,
    l.actor = 'human' AND u.who IS NULL AND e.who IS NULL AS is_counted,
    x.search_key IS NOT NULL OR coalesce(contains(l.tags, '"explore"'), FALSE) AS is_explored,
    l.actor <> 'human' OR u.who IS NOT NULL OR e.who IS NOT NULL AS is_robot,
    r.search_key IS NOT NULL AS is_repeat,
    coalesce(o.n_clicked, 0)::INTEGER AS n_clicked,
    coalesce(o.n_clicks - o.n_clicked, 0)::INTEGER AS n_duplicate_clicks,
    o.click_position AS first_click_position,
    CASE
        WHEN o.click_us > l.at_us THEN (o.click_us - l.at_us) // 1000
        WHEN o.click_us IS NOT NULL THEN 0
    END::BIGINT AS first_click_delay_ms,
    CASE
        WHEN k.click_us + $quiet_us::BIGINT <= l.at_us + $margin_us::BIGINT
            AND (k.next_need_us IS NULL OR k.next_need_us > k.click_us + $quiet_us::BIGINT)
            THEN o.last_click_position
    END AS final_click_position,
    (coalesce(o.n_credited, 0) + coalesce(n.n_named, 0))::INTEGER AS n_interactions,
    coalesce(o.type_mask & 24 > 0, FALSE) AS is_converted,
    coalesce(o.value_micros, 0)::BIGINT AS value_micros,
    coalesce(
        c.next_need_us - l.at_us <= $reformulation_us::BIGINT
        AND (o.any_click_us IS NULL OR o.any_click_us >= c.next_need_us),
        FALSE
    ) AS is_reformulated,
    l.n_results IS NOT NULL AND o.search_key IS NULL AS is_abandoned,
    c.visit_at AS visit_at
FROM near_lists l
JOIN chains c ON c.search_key = l.search_key
LEFT JOIN leavings k ON k.search_key = l.search_key
LEFT JOIN explored x ON x.search_key = l.search_key
LEFT JOIN outcomes o ON o.search_key = l.search_key
LEFT JOIN named_lists n ON n.search_key = l.search_key
LEFT JOIN repeats r ON r.search_key = l.search_key
LEFT JOIN robots u ON u.is_user = 1 AND u.who = l.user_key AND u."day" = l."day"
LEFT JOIN robots e ON e.is_user = 0 AND e.who = l.session_id AND e."day" = l."day"
WHERE l."at" >= $since::TIMESTAMP AND l."at" < $until::TIMESTAMP
