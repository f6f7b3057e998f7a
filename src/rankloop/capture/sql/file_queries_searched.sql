-- Keys of the lists' queries.
UPDATE import_searches SET query_key = k.query_key
FROM import_keys k
WHERE import_searches.query_key IS NULL
    AND import_searches.query = k.query AND import_searches.filters IS NOT DISTINCT FROM k.filters
