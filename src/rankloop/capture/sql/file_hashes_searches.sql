-- MD5 of the staged lists' identities (search and page).
SELECT unhex(md5(search_id || chr(31) || page_offset)) FROM import_searches ORDER BY rowid
