-- Hashes of the staged lists' identities (search and page), as the ledger hashes them.
SELECT md5_number_lower(search_id || chr(31) || page_offset) FROM import_searches ORDER BY rowid
