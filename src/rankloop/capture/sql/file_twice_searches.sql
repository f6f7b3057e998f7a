-- Of lists with one identity the first in the file stays.
DELETE FROM import_searches
WHERE n NOT IN (SELECT min(n) FROM import_searches GROUP BY search_id, page_offset)
