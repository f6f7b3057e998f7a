-- Identities of the staged lists (search and page) and their hashes, as the ledger hashes them.
SELECT name, md5_number_lower(name) AS hash
FROM (SELECT search_id || chr(31) || page_offset AS name FROM import_searches)
