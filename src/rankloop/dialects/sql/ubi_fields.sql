-- The fields of UBI 1.3.0 as text. An empty string is an absent field.
CREATE OR REPLACE TEMP TABLE ubi_fields AS
WITH read AS MATERIALIZED (
    SELECT
        n,
        TRY(json_extract_string(body, [
            '$.action_name', '$.query_id', '$.session_id', '$.event_attributes.session_id',
            '$.user_id', '$.client_id', '$.timestamp', '$.user_query', '$.application',
            '$.message_type', '$.message', '$.event_attributes.object.object_id',
            '$.event_attributes.object.object_id_field',
            '$.event_attributes.object.description', '$.event_attributes.position.ordinal'
        ])) AS f,
        TRY(json_type(body)) = 'OBJECT' AS is_object,
        TRY(json_extract(body, '$.query_response_hit_ids')) AS hits,
        TRY(len(json_keys(body))) = 1
            AND TRY(coalesce(json_type(body, '$.index'), json_type(body, '$.create'))) = 'OBJECT'
            AS is_action_line
    FROM ubi_records
)
SELECT
    n,
    coalesce(is_object, false) AS is_object,
    nullif(f[1], '') AS action_name,
    nullif(f[2], '') AS query_id,
    coalesce(nullif(f[3], ''), nullif(f[4], '')) AS session_id,
    coalesce(nullif(f[5], ''), nullif(f[6], '')) AS user_id,
    nullif(f[7], '') AS moment,
    nullif(f[8], '') AS user_query,
    nullif(f[9], '') AS application,
    nullif(f[10], '') AS message_type,
    nullif(f[11], '') AS message,
    nullif(f[12], '') AS object_id,
    nullif(f[13], '') AS object_id_field,
    nullif(f[14], '') AS description,
    nullif(f[15], '') AS ordinal,
    CASE WHEN json_type(hits) = 'ARRAY' THEN json_extract_string(hits, '$[*]') END AS hits,
    -- Milliseconds since 1970, or a text whose offset lacks its colon, as the wire form has it.
    CASE
        WHEN regexp_full_match(f[7], '[0-9]{1,15}')
            THEN strftime(make_timestamp(f[7]::BIGINT * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')
        WHEN regexp_full_match(f[7], '.*T.*[+-]00:?00') THEN left(f[7], length(rtrim(f[7], '0:')) - 1) || 'Z'
        ELSE regexp_replace(f[7], '([+-][0-9]{2})([0-9]{2})$', '\1:\2')
    END AS moment_text
FROM read
WHERE NOT coalesce(is_action_line, false)
