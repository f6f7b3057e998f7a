-- Interactions that the law took.
INSERT INTO import_interactions BY NAME
SELECT * REPLACE (nullif(interaction_id, '') AS interaction_id) FROM import_checked
