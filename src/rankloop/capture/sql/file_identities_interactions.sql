-- Identifiers of the staged interactions, in the order of their hashes.
SELECT interaction_id FROM import_interactions ORDER BY rowid
