-- What the interactions of some days are credited to, as one number per day of the lists.
--
-- Asked before and after these days are credited anew, it tells which days' lists are affected.
--
-- Parameters:
--   since DATE: interactions of this day on
--   until DATE: and before this one
-- Columns:
--   day DATE: the lists' day, UTC
--   credited BIGINT: a number that changes with any credit
SELECT
    s."at"::DATE AS "day",
    bit_xor(
        (md5_number_lower(
            c.interaction_key || ' ' || c.search_key || ' ' || coalesce(c.position, -1)
        ) // 2)::BIGINT
    ) AS credited
FROM credits c
JOIN searches s ON s.search_key = c.search_key
WHERE c.rule > 0 AND c.interaction_day >= $since::DATE AND c.interaction_day < $until::DATE
GROUP BY s."at"::DATE
ORDER BY "day"
