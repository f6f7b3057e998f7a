-- Take out interactions that were accepted before.
DELETE FROM import_interactions WHERE interaction_id IN (SELECT name FROM import_known)
