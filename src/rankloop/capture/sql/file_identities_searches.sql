-- Identities of the staged lists (search and page), in the order of their hashes.
SELECT search_id || chr(31) || page_offset FROM import_searches ORDER BY rowid
