-- Searches that the law took.
INSERT INTO import_searches BY NAME
SELECT * REPLACE (nullif(search_id, '') AS search_id) FROM import_checked
