-- Up to which journal entry the rows reach.
--
-- Columns:
--   sequence BIGINT: the last entry whose rows are here, 0 before the first
SELECT coalesce(max(sequence), 0)::BIGINT AS sequence FROM delivery_state
