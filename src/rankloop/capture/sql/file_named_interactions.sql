-- Name the interactions.
UPDATE import_interactions SET interaction_id = m.name
FROM import_named m
WHERE import_interactions.n = m.n AND import_interactions.interaction_id IS NULL
