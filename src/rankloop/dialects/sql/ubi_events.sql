-- Events; an ordinal that is no whole number stays out.
CREATE OR REPLACE TEMP TABLE ubi_events AS
SELECT
    *,
    lower(action_name) = 'impression' AS is_impression,
    CASE WHEN regexp_full_match(ordinal, '-?[0-9]{1,9}') THEN ordinal::INTEGER END AS place
FROM ubi_fields
WHERE is_object AND action_name IS NOT NULL
