-- Records that are nothing the wire form could hold.
CREATE OR REPLACE TEMP TABLE ubi_refused AS
SELECT n AS line, 'malformed_json' AS code, '' AS pointer, 'the line is not a JSON object' AS detail
FROM ubi_fields
WHERE NOT is_object
UNION ALL
SELECT
    i.n,
    CASE WHEN i.position < 0 THEN 'out_of_range' ELSE 'missing_field' END,
    CASE
        WHEN i.query_id IS NULL OR s.user_query IS NULL THEN '/query_id'
        WHEN i.object_id IS NULL THEN '/event_attributes/object/object_id'
        ELSE '/event_attributes/position/ordinal'
    END,
    CASE
        WHEN i.query_id IS NULL THEN 'an impression needs the query it belongs to'
        WHEN i.object_id IS NULL THEN 'an impression needs the object that was shown'
        WHEN i.position IS NULL THEN 'an impression needs the place where it was shown'
        WHEN i.position < 0 THEN 'lies before the place from which the application counts'
        ELSE 'no query record and no user_query says what was asked'
    END
FROM ubi_impressions i
LEFT JOIN ubi_searches s USING (query_id)
WHERE i.query_id IS NULL OR i.object_id IS NULL OR i.position IS NULL OR i.position < 0
    OR (s.user_query IS NULL AND NOT s.is_told)
