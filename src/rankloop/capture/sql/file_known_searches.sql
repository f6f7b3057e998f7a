-- Take out lists that were accepted before.
DELETE FROM import_searches
WHERE search_id || chr(31) || page_offset IN (SELECT name FROM import_known)
