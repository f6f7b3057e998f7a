-- Hashes of the staged interactions' identifiers, as the ledger hashes them.
SELECT md5_number_lower(interaction_id) FROM import_interactions ORDER BY rowid
