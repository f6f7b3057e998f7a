-- How many records the portion's lines stand for.
SELECT sum(n_records)::BIGINT FROM import_weights WHERE n IN (SELECT n FROM import_lines)
