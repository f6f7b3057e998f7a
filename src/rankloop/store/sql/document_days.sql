-- Impressions and clicks of some days by document and position.
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
--   document_key BIGINT: the document, as a number
--   position INTEGER: its place, from 0, page offset included
--   impressions INTEGER: how often it stood there
--   clicks INTEGER: how often it was clicked there
--   conversions INTEGER: how often a purchase or a cart followed
SELECT
    "day" AS "day",
    retriever_id,
    surface,
    device,
    is_counted,
    document_key,
    position,
    count(*)::INTEGER AS impressions,
    sum(clicked)::INTEGER AS clicks,
    sum(converted)::INTEGER AS conversions
FROM click_log
WHERE "day" >= $since::DATE AND "day" < $until::DATE
GROUP BY "day", retriever_id, surface, device, is_counted, document_key, position
ORDER BY "day", document_key, position, retriever_id, surface, device, is_counted
