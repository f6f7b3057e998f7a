-- Documents by what people did with them, shown in a known list or not.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only what was credited to a list shown there
--   device VARCHAR: only what was credited to a list on this kind of device, and orphans from it
--   limit BIGINT: most rows
--   offset BIGINT: rows to leave out first
-- Columns:
--   document_id VARCHAR: the document
--   interactions BIGINT: how many with it
--   clicks BIGINT: how many of them were clicks
--   conversions BIGINT: how many of them were purchases or carts
--   n_documents BIGINT: different documents in all
WITH segment AS (
    SELECT search_key
    FROM search_log
    WHERE ($surface::VARCHAR IS NOT NULL OR $device::VARCHAR IS NOT NULL)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
),
per_document AS (
    SELECT
        i.document_id AS document_id,
        count(*) AS interactions,
        coalesce(count(*) FILTER (WHERE i.type_mask & 2 > 0), 0)::BIGINT AS clicks,
        coalesce(count(*) FILTER (WHERE i.type_mask & 24 > 0), 0)::BIGINT AS conversions
    FROM interactions i
    LEFT JOIN credits c ON c.interaction_key = i.interaction_key
    WHERE i.document_id IS NOT NULL
        AND ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR i."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR i."at" < $end::TIMESTAMP)
        AND (
            ($surface::VARCHAR IS NULL AND $device::VARCHAR IS NULL)
            OR c.search_key IN (SELECT search_key FROM segment)
            OR (
                c.search_key IS NULL
                AND $surface::VARCHAR IS NULL
                AND i.device = $device::VARCHAR
            )
        )
    GROUP BY i.document_id
),
totals AS (SELECT count(*) AS n_documents FROM per_document)
SELECT d.*, t.n_documents
FROM per_document d
CROSS JOIN totals t
ORDER BY d.interactions DESC, d.document_id
LIMIT $limit OFFSET $offset
