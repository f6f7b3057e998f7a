-- How many records the refused lines stand for.
SELECT sum(n_records)::BIGINT FROM import_weights WHERE n IN (SELECT unnest($lines::BIGINT[]))
