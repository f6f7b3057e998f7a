-- MD5 of the staged interactions' identifiers; `md5_number_lower` takes four times as long.
SELECT unhex(md5(interaction_id)) FROM import_interactions ORDER BY rowid
