-- The different filters of the staged lists, as the lines have them.
SELECT DISTINCT filters FROM import_searches WHERE filters IS NOT NULL
