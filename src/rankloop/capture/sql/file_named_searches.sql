-- Name the searches.
UPDATE import_searches SET search_id = m.name
FROM import_named m
WHERE import_searches.n = m.n AND import_searches.search_id IS NULL
