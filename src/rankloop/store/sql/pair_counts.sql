-- How many people did what with each document after each query; pairs nobody acted on are left out.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   satisfied_ms DOUBLE: time with a document from which a click held the person
-- Columns:
--   query_key VARCHAR: the information need
--   document_id VARCHAR: the document
--   people BIGINT: different people who clicked it; a user, else a session, else a list
--   least_level BIGINT: what the best known of them is known by; 0 user, 1 session, 2 the list
--   most_level BIGINT: what the least known of them is known by
--   clicks BIGINT: impressions that were clicked
--   satisfied BIGINT: of those, that held the person: by time, or as the end of the search
--   carts BIGINT: of those, that led into the cart
--   purchases BIGINT: of those, that led to a purchase
--   ups BIGINT: different people who voted it up
--   downs BIGINT: different people who voted it down
WITH edges AS (
    SELECT search_key
    FROM search_log
    WHERE ("day" = date_trunc('day', $start::TIMESTAMP)::DATE AND "at" < $start::TIMESTAMP)
        OR ("day" = date_trunc('day', $end::TIMESTAMP)::DATE AND "at" >= $end::TIMESTAMP)
)
SELECT
    h.query_key AS query_key,
    h.document_id AS document_id,
    count(DISTINCT h.cluster_key) FILTER (WHERE h.clicked = 1) AS people,
    coalesce(min(h.cluster_level) FILTER (WHERE h.clicked = 1), 0)::BIGINT AS least_level,
    coalesce(max(h.cluster_level) FILTER (WHERE h.clicked = 1), 0)::BIGINT AS most_level,
    sum(h.clicked)::BIGINT AS clicks,
    count(*) FILTER (
        WHERE h.clicked = 1
            AND (h.is_final_click OR h.duration_ms >= $satisfied_ms::DOUBLE OR h.type_mask & 4 > 0)
            AND h.type_mask & 2048 = 0
    ) AS satisfied,
    count(*) FILTER (WHERE h.clicked = 1 AND h.type_mask & 16 > 0) AS carts,
    count(*) FILTER (WHERE h.clicked = 1 AND h.type_mask & 8 > 0) AS purchases,
    count(DISTINCT h.cluster_key) FILTER (WHERE h.type_mask & 256 > 0) AS ups,
    count(DISTINCT h.cluster_key) FILTER (WHERE h.type_mask & 512 > 0) AS downs
FROM click_log h
ANTI JOIN edges e ON e.search_key = h.search_key
WHERE h.type_mask > 0
    AND h.is_counted
    AND ($retriever_id::VARCHAR IS NULL OR h.retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR h."day" >= date_trunc('day', $start::TIMESTAMP)::DATE)
    AND ($end::TIMESTAMP IS NULL OR h."day" <= date_trunc('day', $end::TIMESTAMP)::DATE)
GROUP BY h.query_key, h.document_id
ORDER BY h.query_key, h.document_id
