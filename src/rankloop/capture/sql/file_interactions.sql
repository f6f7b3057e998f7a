-- Interactions that are surely valid, as rows: the law would take each of them with equal columns.
-- A line that breaks a condition is not refused here. It goes to the law, which decides.
CREATE OR REPLACE TEMP TABLE import_interactions AS
WITH read AS MATERIALIZED (
    SELECT
        n,
        TRY(len(json_keys(body))) AS n_keys,
        TRY(json_extract(body, [
            '$.feature_id', '$.document_id', '$.interaction_type', '$.position', '$.metadata',
            '$.user_id', '$.session_id', '$.search_id', '$.execution_id', '$.retriever_id',
            '$.interaction_id', '$.timestamp', '$.value', '$.currency',
            '$.metadata.query', '$.metadata.device', '$.metadata.duration_ms'
        ])) AS f
    FROM import_lines
    WHERE contains(body, '"interaction_type"')
),
-- Texts are still JSON here: a string keeps its quotes, so that its type shows.
named AS (
    SELECT
        n,
        n_keys,
        list_count(f) AS n_found,
        nullif(f[1], 'null') AS feature_id,
        nullif(f[2], 'null') AS document_id,
        f[3] AS types,
        nullif(f[4], 'null') AS position,
        nullif(f[5], 'null') AS metadata,
        nullif(f[6], 'null') AS user_id,
        nullif(f[7], 'null') AS session_id,
        nullif(f[8], 'null') AS search_id,
        nullif(f[9], 'null') AS execution_id,
        nullif(f[10], 'null') AS retriever_id,
        nullif(f[11], 'null') AS interaction_id,
        nullif(f[12], 'null') AS moment,
        nullif(f[13], 'null') AS "value",
        nullif(f[14], 'null') AS currency,
        nullif(f[15], 'null') AS query,
        nullif(f[16], 'null') AS device,
        nullif(f[17], 'null') AS duration_ms,
        (f[15] IS NOT NULL)::INT + (f[16] IS NOT NULL)::INT + (f[17] IS NOT NULL)::INT AS n_inner
    FROM read
    WHERE f IS NOT NULL
),
-- All fields are known and none stands twice; every one has its type and is in its range.
sound AS (
    SELECT
        *,
        coalesce(feature_id, document_id) AS document,
        coalesce(search_id, execution_id) AS search,
        CASE WHEN moment IS NULL THEN make_timestamp($received_at)
            ELSE TRY_CAST(moment[2:-2] AS TIMESTAMP) END AS moment_at
    FROM named
    WHERE n_keys = n_found - n_inner
        -- All identifiers in one look: each is a JSON string, so their row is a row of such.
        AND regexp_full_match(
            concat(feature_id, document_id, user_id, session_id, search_id, execution_id,
                retriever_id, interaction_id, device),
            $identifiers
        )
        AND greatest(
            strlen(user_id), strlen(session_id), strlen(search_id), strlen(execution_id),
            strlen(retriever_id), strlen(interaction_id), strlen(device), 0
        ) <= $most_identifier
        AND greatest(strlen(feature_id), strlen(document_id), 0) <= $most_document
        AND (feature_id IS NULL OR document_id IS NULL)
        AND (search_id IS NULL OR execution_id IS NULL)
        AND NOT coalesce(starts_with(user_id, $pseudonym), false)
        AND retriever_id IS DISTINCT FROM '"interactions"'
        AND coalesce(regexp_full_match(moment, $moment), true)
        AND coalesce(regexp_full_match(position, '[0-9]{1,7}'), true)
        AND coalesce(TRY_CAST(position AS INTEGER), 0) <= $most_position
        AND coalesce(regexp_full_match("value", '-?[0-9]{1,9}(\.[0-9]{1,17})?'), true)
        AND coalesce(regexp_full_match(currency, '"[A-Z]{3}"'), true)
        AND coalesce(regexp_full_match(duration_ms, '[0-9]{1,9}(\.[0-9]{1,17})?'), true)
        AND coalesce(TRY_CAST(duration_ms AS DOUBLE), 0) <= $most_duration_ms
        AND coalesce(starts_with(query, '"') AND length(query) <= $most_query, true)
        AND coalesce(starts_with(metadata, '{') AND strlen(metadata) <= $most_metadata, true)
        -- Numbers that two writers may write differently, and objects within.
        AND NOT coalesce(regexp_matches(metadata, $odd_metadata), false)
        -- No key twice; where there are only the three that mean something, counting will do.
        AND CASE WHEN metadata IS NULL OR len(json_keys(metadata)) = n_inner THEN true
            ELSE len(list_distinct(json_keys(metadata))) = len(json_keys(metadata)) END
),
-- What comes again and again is worked out once: lists of types, users, queries.
kinds AS (
    SELECT
        types,
        names,
        list_sum(list_transform(names, lambda name:
            coalesce($type_masks[list_position($type_names, name)], $custom_mask)
        ))::BIGINT AS type_mask
    FROM (
        SELECT types, string_split(trim(types, '[]"'), '","') AS names
        FROM (SELECT DISTINCT f[3] AS types FROM read)
        WHERE regexp_full_match(types, $types)
    )
),
users AS (
    SELECT
        user_id,
        CASE WHEN $inner_pad = '' THEN user_id[2:-2]
            ELSE 'u~' || left(sha256(unhex($outer_pad) || unhex(sha256(unhex($inner_pad) || encode(user_id[2:-2])))), 32)
        END AS user_key
    FROM (SELECT DISTINCT f[6] AS user_id FROM read)
    WHERE user_id IS NOT NULL
),
queries AS (
    SELECT
        query,
        query_text,
        CASE WHEN regexp_full_match(query_text, $plain_query)
            THEN left(md5($key_version || chr(31) || lower(query_text) || chr(31)), 16)
        END AS query_key
    FROM (
        SELECT query, CASE WHEN contains(query, '\') THEN query ->> '$' ELSE query[2:-2] END AS query_text
        FROM (SELECT DISTINCT f[15] AS query FROM read)
        WHERE starts_with(query, '"')
    )
)
SELECT
    n,
    interaction_id[2:-2] AS interaction_id,
    moment_at AS "at",
    make_timestamp($received_at) AS received_at,
    coalesce(retriever_id[2:-2], $retriever_id) AS retriever_id,
    search[2:-2] AS search_id,
    document[2:-2] AS document_id,
    names AS types,
    type_mask,
    TRY_CAST(position AS INTEGER) AS position,
    query_text AS query,
    query_key,
    user_key,
    session_id[2:-2] AS session_id,
    device[2:-2] AS device,
    TRY_CAST(duration_ms AS DOUBLE) AS duration_ms,
    round_even(TRY_CAST("value" AS DOUBLE) * 1000000, 0)::BIGINT AS value_micros,
    currency[2:-2] AS currency,
    nullif(metadata, '{}') AS metadata,
    $source AS source
FROM sound
JOIN kinds USING (types)
LEFT JOIN users USING (user_id)
LEFT JOIN queries USING (query)
WHERE moment_at BETWEEN make_timestamp($earliest_at) AND make_timestamp($latest_at)
    AND (len(names) = 1 OR bit_count(type_mask) = len(names))
    AND (document IS NOT NULL OR type_mask & $document_mask = 0)
