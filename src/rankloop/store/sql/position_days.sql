-- Impressions and clicks of some days by position, in groups of people.
--
-- Parameters:
--   since TIMESTAMP: lists from this moment on, the first of a day
--   until TIMESTAMP: and before this one, the first of a day
-- Columns:
--   day DATE: the lists' day, UTC
--   retriever_id VARCHAR: which retriever made the lists
--   surface VARCHAR: where they were shown
--   device VARCHAR: on what kind of device
--   is_counted BOOLEAN: whether rates count them
--   position INTEGER: place of the documents, from 0, page offset included
--   cluster SMALLINT: the group of people, the low ten bits of their key
--   impressions INTEGER: documents shown
--   clicks INTEGER: documents shown and clicked
SELECT
    "day" AS "day",
    retriever_id,
    surface,
    device,
    is_counted,
    position,
    (cluster_key & 1023)::SMALLINT AS cluster,
    count(*)::INTEGER AS impressions,
    sum(clicked)::INTEGER AS clicks
FROM click_log
WHERE "day" >= $since::DATE AND "day" < $until::DATE
GROUP BY "day", retriever_id, surface, device, is_counted, position, cluster_key & 1023
ORDER BY "day", position, cluster, retriever_id, surface, device, is_counted
