-- Lists whose filters could not be written go to the law, which says why.
DELETE FROM import_searches
WHERE filters IN (SELECT given FROM import_filters WHERE written IS NULL)
