-- Numbers of which at least one changes whenever derived rows may.
--
-- Columns:
--   searches BIGINT: key up to which lists are derived
--   interactions BIGINT: key up to which interactions are derived
--   rules BIGINT: number of the rules they were derived by
--   erased BIGINT: how many events were erased
SELECT
    coalesce(max(key_done) FILTER (WHERE name = 'searches'), 0) AS searches,
    coalesce(max(key_done) FILTER (WHERE name = 'interactions'), 0) AS interactions,
    coalesce(max(key_done) FILTER (WHERE name = 'rules'), 0) AS rules,
    (SELECT count(*) FROM tombstones) AS erased
FROM derivation_state
