-- MD5 of the staged interactions' identifiers.
SELECT unhex(md5(interaction_id)) FROM import_interactions ORDER BY rowid
