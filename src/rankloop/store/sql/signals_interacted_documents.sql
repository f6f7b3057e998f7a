-- Documents by what people did with them, shown in a known list or not.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only what followed a list shown there
--   device VARCHAR: only on this kind of device
--   limit BIGINT: most rows
--   offset BIGINT: rows to leave out first
-- Columns:
--   document_id VARCHAR: the document
--   interactions BIGINT: how many with it
--   clicks BIGINT: how many of them were clicks
--   conversions BIGINT: how many of them were purchases or carts
--   n_documents BIGINT: different documents in all
WITH per_document AS (
    SELECT
        i.document_id AS document_id,
        count(*) AS interactions,
        coalesce(count(*) FILTER (WHERE i.type_mask & 2 > 0), 0)::BIGINT AS clicks,
        coalesce(count(*) FILTER (WHERE i.type_mask & 24 > 0), 0)::BIGINT AS conversions
    FROM interactions i
    LEFT JOIN credits c ON c.interaction_key = i.interaction_key
    LEFT JOIN search_log l ON l.search_key = c.search_key
    WHERE i.document_id IS NOT NULL
        AND ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
        AND ($surface::VARCHAR IS NULL OR l.surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR coalesce(l.device, i.device) = $device::VARCHAR)
    GROUP BY i.document_id
),
totals AS (SELECT count(*) AS n_documents FROM per_document)
SELECT d.*, t.n_documents
FROM per_document d
CROSS JOIN totals t
ORDER BY d.interactions DESC, d.document_id
LIMIT $limit OFFSET $offset
