-- How far the raw facts reach, and how far derivation has come.
--
-- Columns:
--   searches BIGINT: highest key of a list; 0 without one
--   interactions BIGINT: highest key of an interaction; 0 without one
--   dirty_days BIGINT: days that were marked stale
--   searches_done BIGINT: key up to which lists are derived
--   interactions_done BIGINT: key up to which interactions are derived
--   rules_done BIGINT: number of the rules they were derived by
SELECT
    coalesce((SELECT max(search_key) FROM searches), 0) AS searches,
    coalesce((SELECT max(interaction_key) FROM interactions), 0) AS interactions,
    (SELECT count(*) FROM dirty_days) AS dirty_days,
    coalesce(max(key_done) FILTER (WHERE name = 'searches'), 0) AS searches_done,
    coalesce(max(key_done) FILTER (WHERE name = 'interactions'), 0) AS interactions_done,
    coalesce(max(key_done) FILTER (WHERE name = 'rules'), 0) AS rules_done
FROM derivation_state
