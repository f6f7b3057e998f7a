-- Searches and interactions in the wire form. Of an event's free attributes little is kept: not
-- the address and the browser that some collectors send along.
CREATE OR REPLACE TEMP TABLE ubi_all_lines AS
SELECT n, json_object(
    'search_id', query_id,
    'query', user_query,
    'timestamp', moment_text,
    'user_id', user_id,
    'session_id', session_id,
    'surface', left(regexp_replace(application, '\s+', '_', 'g'), 128),
    'results', list_transform(hits, lambda hit: {'document_id': hit})
)::VARCHAR AS body
FROM ubi_searches
WHERE is_told OR user_query IS NOT NULL
UNION ALL
SELECT e.n, json_object(
    'interaction_type', CASE WHEN list_contains($known_types, lower(action_name)) THEN lower(action_name)
        ELSE left(regexp_replace(action_name, '[^0-9A-Za-z_]', '_', 'g'), 64) END,
    'feature_id', object_id,
    'search_id', query_id,
    'position', CASE WHEN ordinal IS NULL THEN NULL
        WHEN place IS NULL THEN to_json(ordinal) ELSE to_json(place - b.base) END,
    'timestamp', moment_text,
    'user_id', user_id,
    'session_id', session_id,
    'metadata', json_merge_patch('{}'::JSON, json_object(
        'query', user_query,
        'application', e.application,
        'message_type', message_type,
        'message', message,
        'object_id_field', object_id_field,
        'description', description
    ))
)::VARCHAR
FROM ubi_events e
LEFT JOIN ubi_bases b ON b.application IS NOT DISTINCT FROM e.application
WHERE NOT is_impression
