-- How many records each line stands for.
CREATE OR REPLACE TEMP TABLE import_weights AS
SELECT n, n_records FROM ubi_searches WHERE is_told OR user_query IS NOT NULL
UNION ALL
SELECT n, 1 FROM ubi_events WHERE NOT is_impression
