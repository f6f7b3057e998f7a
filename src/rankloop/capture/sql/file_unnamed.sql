-- Staged rows that brought no identifier, by their lines.
CREATE OR REPLACE TEMP TABLE import_unnamed AS
SELECT l.n, md5_number(l.seed) AS line_hash, l.seed
FROM (
    SELECT n FROM import_interactions WHERE interaction_id IS NULL
    UNION ALL
    SELECT n FROM import_searches WHERE search_id IS NULL
) u
JOIN import_seeds l USING (n)
