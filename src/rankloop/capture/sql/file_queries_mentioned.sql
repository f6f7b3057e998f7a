-- Keys of the queries that interactions mention.
UPDATE import_interactions SET query_key = k.query_key
FROM import_keys k
WHERE import_interactions.query_key IS NULL
    AND import_interactions.query = k.query AND k.filters IS NULL
