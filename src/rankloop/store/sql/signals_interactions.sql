-- What people did, by kind and by whether it was credited to a list.
--
-- An interaction's own moment decides whether it is in the window; its surface is that of the list
-- it was credited to.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only what was credited to a list shown there
--   device VARCHAR: only what was credited to a list on this kind of device, and orphans from it
-- Columns:
--   rule TINYINT: 0 orphan, 1 credited by search, 2 by session, 3 by user; null without a document
--   is_robot BOOLEAN: whether the list it was credited to was shown to a program
--   type_mask BIGINT: one bit per known type
--   currency VARCHAR: currency of the value
--   interactions BIGINT: how many
--   valued BIGINT: how many of them carry a value
--   value_micros BIGINT: sum of values, in millionths of the currency unit
WITH segment AS (
    SELECT search_key
    FROM search_log
    WHERE ($surface::VARCHAR IS NOT NULL OR $device::VARCHAR IS NOT NULL)
        AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
        AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
),
programs AS (SELECT search_key FROM search_log WHERE NOT is_counted),
done AS (
    SELECT
        c.rule AS rule,
        p.search_key IS NOT NULL AS is_robot,
        i.type_mask AS type_mask,
        i.currency AS currency,
        i.value_micros AS value_micros
    FROM interactions i
    LEFT JOIN credits c ON c.interaction_key = i.interaction_key
    LEFT JOIN programs p ON p.search_key = c.search_key
    WHERE ($retriever_id::VARCHAR IS NULL OR i.retriever_id = $retriever_id::VARCHAR)
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
)
SELECT
    rule,
    is_robot,
    type_mask,
    currency,
    count(*) AS interactions,
    count(value_micros) AS valued,
    coalesce(sum(value_micros), 0)::BIGINT AS value_micros
FROM done
GROUP BY rule, is_robot, type_mask, currency
ORDER BY rule, is_robot, type_mask, currency
