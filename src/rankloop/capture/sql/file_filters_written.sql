-- Filters in their canonical form, so that equal ones compare.
UPDATE import_searches SET filters = f.written
FROM import_filters f
WHERE import_searches.filters = f.given
