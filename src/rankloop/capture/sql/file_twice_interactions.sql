-- Of interactions with one identifier the first in the file stays.
DELETE FROM import_interactions
WHERE n NOT IN (SELECT min(n) FROM import_interactions GROUP BY interaction_id)
