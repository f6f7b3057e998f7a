-- Lines that are neither a list nor a click.
SELECT
    n AS line,
    'malformed_line' AS code,
    CASE WHEN action IN ('Q', 'C') THEN '' ELSE '/action' END AS pointer,
    CASE
        WHEN action = 'Q' THEN 'a list needs at least 4 columns: session, time, Q, query'
        WHEN action = 'C' THEN 'a click has 4 columns: session, time, C, document; got ' || len(c)
        ELSE 'the third column must be Q or C'
    END AS detail
FROM yandex_records
WHERE action IS NULL OR action NOT IN ('Q', 'C')
    OR (action = 'Q' AND len(c) < 4) OR (action = 'C' AND len(c) <> 4)
ORDER BY n
