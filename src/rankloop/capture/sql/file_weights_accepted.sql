-- How many records the stored rows stand for.
SELECT sum(n_records)::BIGINT
FROM import_weights
WHERE n IN (SELECT n FROM import_searches) OR n IN (SELECT n FROM import_interactions)
