-- Identifiers of the staged interactions and their hashes, as the ledger hashes them.
SELECT interaction_id AS name, md5_number_lower(interaction_id) AS hash
FROM import_interactions
