-- Rows that mean little and cover much: absent users, sessions, queries and lists, equal moments,
-- repeated documents, every signal. Numbers come from a hash, so that every run sees the same.
CREATE MACRO draw(seed, salt, n) AS CAST(hash(seed * 1000 + salt) % n AS INTEGER);

INSERT INTO searches BY NAME
SELECT
    i AS search_key,
    's' || i AS search_id,
    CASE WHEN draw(i, 1, 10) = 0 THEN 10 ELSE 0 END AS page_offset,
    TIMESTAMP '2026-01-01 00:00:00' + to_seconds(draw(i, 2, 5 * 86400)) AS "at",
    TIMESTAMP '2026-01-01 00:00:01' + to_seconds(draw(i, 2, 5 * 86400)) AS received_at,
    CASE WHEN draw(i, 3, 4) = 0 THEN 'articles' ELSE 'products' END AS retriever_id,
    CASE WHEN draw(i, 4, 3) = 0 THEN NULL ELSE 'products@' || draw(i, 5, 3) END AS pipeline_version,
    'Query ' || draw(i, 6, 12) AS query,
    'q' || draw(i, 6, 12) AS query_key,
    CASE WHEN draw(i, 7, 9) = 0 THEN '{"color":"red"}' END AS filters,
    CASE WHEN draw(i, 8, 4) > 0 THEN 'u~' || draw(i, 9, 20) END AS user_key,
    CASE WHEN draw(i, 10, 5) > 0 THEN 'session' || draw(i, 11, 60) END AS session_id,
    CASE WHEN draw(i, 12, 3) > 0 THEN 'list' END AS surface,
    CASE draw(i, 13, 3) WHEN 0 THEN 'mobile' WHEN 1 THEN 'desktop' END AS device,
    CASE WHEN draw(i, 14, 12) = 0 THEN 'agent' ELSE 'human' END AS actor,
    CASE draw(i, 15, 3) WHEN 0 THEN 'a' WHEN 1 THEN 'b' END AS variant,
    CASE WHEN draw(i, 16, 2) = 0 THEN draw(i, 17, 1000) END AS total,
    CASE WHEN draw(i, 18, 2) = 0 THEN draw(i, 19, 1000) / 8 END AS latency_ms,
    CASE draw(i, 20, 6) WHEN 0 THEN '["new"]' WHEN 1 THEN '["explore","new"]' END AS tags,
    'api' AS source,
    CASE WHEN draw(i, 21, 10) = 0 THEN NULL WHEN draw(i, 21, 10) = 1 THEN 0 ELSE 6 END AS n_results
FROM (SELECT unnest(range(1, 401)) AS i);

INSERT INTO impressions BY NAME
SELECT
    s.search_key,
    CAST(s.page_offset + p.place AS INTEGER) AS position,
    'd' || draw(s.search_key * 10 + p.place, 30, 30) AS document_id,
    CASE WHEN draw(s.search_key, 31, 3) > 0 THEN 10.5 - p.place END AS score,
    CASE draw(s.search_key, 32, 4) WHEN 0 THEN 0.5 WHEN 1 THEN 0.9 END AS logging_probability
FROM searches s, (SELECT unnest(range(0, 6)) AS place) p
WHERE s.n_results = 6;

INSERT INTO interactions BY NAME
SELECT
    i AS interaction_key,
    'i' || i AS interaction_id,
    TIMESTAMP '2026-01-01 00:00:30' + to_seconds(draw(i, 40, 5 * 86400)) AS "at",
    TIMESTAMP '2026-01-01 00:00:31' + to_seconds(draw(i, 40, 5 * 86400)) AS received_at,
    CASE WHEN draw(i, 41, 4) = 0 THEN 'articles' ELSE 'products' END AS retriever_id,
    CASE WHEN draw(i, 42, 3) > 0 THEN 's' || (1 + draw(i, 43, 410)) END AS search_id,
    CASE WHEN draw(i, 44, 12) > 0 THEN 'd' || draw(i, 45, 30) END AS document_id,
    CASE draw(i, 46, 5)
        WHEN 0 THEN ['click', 'long_view'] WHEN 1 THEN ['purchase'] WHEN 2 THEN ['hover'] ELSE ['click']
    END AS types,
    CASE draw(i, 46, 5) WHEN 0 THEN 6 WHEN 1 THEN 8 WHEN 2 THEN 2147483648 ELSE 2 END AS type_mask,
    CASE WHEN draw(i, 47, 3) > 0 THEN draw(i, 48, 10) END AS position,
    CASE WHEN draw(i, 49, 3) = 0 THEN 'Query ' || draw(i, 50, 12) END AS query,
    CASE WHEN draw(i, 49, 3) = 0 THEN 'q' || draw(i, 50, 12) END AS query_key,
    CASE WHEN draw(i, 51, 4) > 0 THEN 'u~' || draw(i, 52, 20) END AS user_key,
    CASE WHEN draw(i, 53, 5) > 0 THEN 'session' || draw(i, 54, 60) END AS session_id,
    CASE draw(i, 55, 3) WHEN 0 THEN 'mobile' WHEN 1 THEN 'desktop' END AS device,
    CASE WHEN draw(i, 56, 2) = 0 THEN draw(i, 57, 90000) / 4 END AS duration_ms,
    CASE WHEN draw(i, 58, 4) = 0 THEN draw(i, 59, 100) * 1000000 END AS value_micros,
    CASE WHEN draw(i, 58, 4) = 0 THEN 'EUR' END AS currency,
    CASE WHEN draw(i, 60, 3) = 0 THEN '{"note":"It''s"}' END AS metadata,
    'api' AS source
FROM (SELECT unnest(range(1, 601)) AS i);

INSERT INTO search_log BY NAME
SELECT
    s.search_key,
    s."at"::DATE AS "day",
    s."at",
    s.retriever_id,
    s.pipeline_version,
    s.surface,
    s.device,
    s.actor,
    s.variant,
    s.query_key,
    draw(s.search_key, 70, 40) AS cluster_key,
    draw(s.search_key, 71, 3) AS cluster_level,
    s.n_results,
    s.actor = 'human' AND draw(s.search_key, 72, 20) > 0 AS is_counted,
    draw(s.search_key, 81, 4) = 0 AS is_explored,
    draw(s.search_key, 72, 20) = 0 AS is_robot,
    draw(s.search_key, 73, 9) = 0 AS is_repeat,
    CASE WHEN s.n_results = 6 THEN draw(s.search_key, 74, 3) ELSE 0 END AS n_clicked,
    draw(s.search_key, 75, 2) AS n_duplicate_clicks,
    CASE WHEN s.n_results = 6 AND draw(s.search_key, 74, 3) > 0 THEN draw(s.search_key, 76, 6) END AS first_click_position,
    CASE WHEN s.n_results = 6 AND draw(s.search_key, 74, 3) > 0 THEN draw(s.search_key, 77, 90000) END AS first_click_delay_ms,
    CASE WHEN draw(s.search_key, 82, 3) = 0 THEN draw(s.search_key, 83, 6) END AS final_click_position,
    draw(s.search_key, 74, 3) + draw(s.search_key, 75, 2) AS n_interactions,
    draw(s.search_key, 78, 12) = 0 AS is_converted,
    CASE WHEN draw(s.search_key, 78, 12) = 0 THEN draw(s.search_key, 79, 500) * 1000000 ELSE 0 END AS value_micros,
    draw(s.search_key, 80, 6) = 0 AS is_reformulated,
    s.n_results IS NOT NULL AND draw(s.search_key, 74, 3) = 0 AS is_abandoned,
    date_trunc('hour', s."at") AS visit_at
FROM searches s;

INSERT INTO click_log BY NAME
SELECT
    s.search_key,
    i.position,
    s."day",
    s.retriever_id,
    s.pipeline_version,
    s.surface,
    s.device,
    i.document_id,
    CAST(md5_number_lower(i.document_id) // 2 AS BIGINT) AS document_key,
    s.query_key,
    s.cluster_key,
    s.cluster_level,
    s.is_counted,
    s.is_explored,
    CAST(draw(s.search_key * 20 + i.position, 98, i.position + 1) - 1 AS INTEGER) AS previous_click,
    CAST(draw(s.search_key * 20 + i.position, 90, 6 + i.position) = 0 AS TINYINT) AS clicked,
    CASE WHEN draw(s.search_key * 20 + i.position, 90, 6 + i.position) = 0 THEN 1 + draw(s.search_key, 91, 2) ELSE 0 END AS n_clicks,
    draw(s.search_key * 20 + i.position, 90, 6 + i.position) = 0
        AND draw(s.search_key, 99, 2) = 0 AS is_final_click,
    CAST(draw(s.search_key * 20 + i.position, 90, 60 + 10 * i.position) = 0 AS TINYINT) AS converted,
    CASE WHEN draw(s.search_key * 20 + i.position, 92, 9) = 0 THEN draw(s.search_key, 93, 9000) / 4 END AS duration_ms,
    CASE WHEN draw(s.search_key * 20 + i.position, 90, 6 + i.position) = 0 THEN draw(s.search_key, 94, 90000) END AS first_click_delay_ms,
    CASE WHEN draw(s.search_key * 20 + i.position, 90, 6 + i.position) = 0 THEN 2 ELSE 0 END AS type_mask,
    CASE WHEN draw(s.search_key * 20 + i.position, 90, 60 + 10 * i.position) = 0 THEN 5000000 ELSE 0 END AS value_micros
FROM search_log s
JOIN impressions i ON i.search_key = s.search_key;

INSERT INTO position_days BY NAME
SELECT "day", retriever_id, surface, device, is_counted, position, cluster_key & 1023 AS cluster,
    count(*) AS impressions, sum(clicked) AS clicks
FROM click_log
GROUP BY ALL;

INSERT INTO document_days BY NAME
SELECT "day", retriever_id, surface, device, is_counted, document_key, position,
    count(*) AS impressions, sum(clicked) AS clicks, sum(converted) AS conversions
FROM click_log
GROUP BY ALL;

-- The first week is rolled up, the second kept by day.
INSERT INTO cell_days BY NAME
SELECT "day", retriever_id, surface, device, pipeline_version, is_explored, query_key, document_id,
    position, previous_click, count(*) AS n, sum(clicked) AS clicks,
    count(*) FILTER (WHERE is_final_click) AS satisfied, 0 AS long_view,
    sum(converted) AS purchase, 0 AS add_to_cart, 0 AS positive_feedback,
    0 AS negative_feedback, 0 AS return_to_results
FROM click_log
WHERE is_counted
GROUP BY ALL;

INSERT INTO cell_weeks BY NAME
SELECT date_trunc('week', "day")::DATE AS week, retriever_id, surface, device, pipeline_version,
    is_explored, query_key, document_id, position, previous_click, sum(n) AS n,
    sum(clicks) AS clicks, sum(satisfied) AS satisfied, sum(long_view) AS long_view,
    sum(purchase) AS purchase, sum(add_to_cart) AS add_to_cart,
    sum(positive_feedback) AS positive_feedback, sum(negative_feedback) AS negative_feedback,
    sum(return_to_results) AS return_to_results
FROM cell_days
WHERE "day" < DATE '2026-01-05'
GROUP BY ALL;

DELETE FROM cell_days WHERE "day" < DATE '2026-01-05';

INSERT INTO credits BY NAME
SELECT
    i.interaction_key,
    i."at"::DATE AS interaction_day,
    CASE WHEN draw(i.interaction_key, 95, 5) > 0 THEN s.search_key END AS search_key,
    CASE WHEN draw(i.interaction_key, 95, 5) > 0 THEN draw(i.interaction_key, 96, 6) END AS position,
    CASE WHEN draw(i.interaction_key, 95, 5) > 0 THEN 1 ELSE 0 END AS rule
FROM interactions i
JOIN searches s ON s.search_key = 1 + draw(i.interaction_key, 97, 400)
WHERE i.document_id IS NOT NULL;

INSERT INTO tombstones VALUES ('9e107d9d372bb6826bd81d3542a419d6');
INSERT INTO delivery_state VALUES ('journal', 12);
INSERT INTO dirty_days VALUES (DATE '2026-01-02');
INSERT INTO derivation_state VALUES ('searches', 300), ('interactions', 500);

INSERT INTO search_features BY NAME
SELECT
    search_key,
    '{"names":["score"],"rows":[[' || draw(search_key, 90, 100) || ']]}' AS features
FROM searches
WHERE draw(search_key, 91, 3) = 0;
