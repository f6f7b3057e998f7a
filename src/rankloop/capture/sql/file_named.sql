-- The identifier of each of them: format, retriever, equal lines before it, the line itself.
CREATE OR REPLACE TEMP TABLE import_named AS
WITH before AS (
    SELECT line_hash, sum(n_lines)::BIGINT AS n_lines
    FROM import_seen
    WHERE line_hash IN (SELECT line_hash FROM import_unnamed)
    GROUP BY line_hash
),
placed AS (
    SELECT n, seed, line_hash, row_number() OVER (PARTITION BY line_hash ORDER BY n) - 1 AS place
    FROM import_unnamed
)
SELECT
    p.n,
    md5(concat_ws(chr(31), $format, $retriever, p.place + coalesce(b.n_lines, 0), p.seed)) AS name
FROM placed p
LEFT JOIN before b USING (line_hash)
