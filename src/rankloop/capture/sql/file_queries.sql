-- The different queries, with their filters, that have no key yet.
SELECT query, filters FROM import_searches WHERE query_key IS NULL
UNION
SELECT query, NULL FROM import_interactions WHERE query IS NOT NULL AND query_key IS NULL
