-- Searches that are surely valid, as rows; the others go to the law. Lists are unfolded later.
CREATE OR REPLACE TEMP TABLE import_searches AS
WITH read AS MATERIALIZED (
    SELECT
        n,
        TRY(len(json_keys(body))) AS n_keys,
        TRY(json_extract(body, [
            '$.query', '$.retriever_id', '$.search_id', '$.execution_id', '$.timestamp',
            '$.user_id', '$.session_id', '$.filters', '$.offset', '$.total', '$.surface',
            '$.device', '$.actor', '$.pipeline_version', '$.variant', '$.tags', '$.latency_ms',
            '$.results'
        ])) AS f
    FROM import_lines
    WHERE NOT contains(body, '"interaction_type"')
),
named AS (
    SELECT
        n,
        n_keys,
        list_count(f) AS n_known,
        f[1] AS query,
        nullif(f[2], 'null') AS retriever_id,
        nullif(f[3], 'null') AS search_id,
        nullif(f[4], 'null') AS execution_id,
        nullif(f[5], 'null') AS moment,
        nullif(f[6], 'null') AS user_id,
        nullif(f[7], 'null') AS session_id,
        nullif(f[8], 'null') AS filters,
        f[9] AS "offset",
        nullif(f[10], 'null') AS total,
        nullif(f[11], 'null') AS surface,
        nullif(f[12], 'null') AS device,
        nullif(f[13], 'null') AS actor,
        nullif(f[14], 'null') AS pipeline_version,
        nullif(f[15], 'null') AS variant,
        nullif(f[16], 'null') AS tags,
        nullif(f[17], 'null') AS latency_ms,
        nullif(f[18], 'null') AS results
    FROM read
    WHERE f IS NOT NULL
),
sound AS (
    SELECT
        *,
        coalesce(search_id, execution_id) AS search,
        CASE WHEN contains(query, '\') THEN query ->> '$' ELSE query[2:-2] END AS query_text,
        CASE WHEN moment IS NULL THEN make_timestamp($received_at)
            ELSE TRY_CAST(moment[2:-2] AS TIMESTAMP) END AS moment_at,
        json_transform(results, '[{"document_id":"VARCHAR","score":"DOUBLE","logging_probability":"DOUBLE"}]') AS list
    FROM named
    WHERE n_keys = n_known
        AND starts_with(query, '"') AND length(query) <= $most_query AND NOT contains(query, '\u0000')
        AND (search_id IS NULL OR execution_id IS NULL)
        -- All identifiers in one look: each is a JSON string, so their row is a row of such.
        AND regexp_full_match(
            concat(search_id, execution_id, retriever_id, user_id, session_id, surface, device,
                pipeline_version, variant),
            $identifiers
        )
        AND (search_id IS NULL OR strlen(search_id) <= $most_identifier)
        AND (execution_id IS NULL OR strlen(execution_id) <= $most_identifier)
        AND (retriever_id IS NULL OR (strlen(retriever_id) <= $most_identifier AND retriever_id <> '"interactions"'))
        AND (user_id IS NULL OR (strlen(user_id) <= $most_identifier AND NOT starts_with(user_id, $pseudonym)))
        AND (session_id IS NULL OR strlen(session_id) <= $most_identifier)
        AND (surface IS NULL OR strlen(surface) <= $most_identifier)
        AND (device IS NULL OR strlen(device) <= $most_identifier)
        AND (pipeline_version IS NULL OR strlen(pipeline_version) <= $most_identifier)
        AND (variant IS NULL OR strlen(variant) <= $most_identifier)
        AND (actor IS NULL OR actor IN ('"human"', '"agent"', '"judge"', '"robot"'))
        AND (moment IS NULL OR regexp_full_match(moment, $moment))
        AND ("offset" IS NULL OR (regexp_full_match("offset", '[0-9]{1,7}') AND "offset"::INTEGER <= $most_position))
        AND (total IS NULL OR regexp_full_match(total, '[0-9]{1,15}'))
        AND (latency_ms IS NULL OR regexp_full_match(latency_ms, '[0-9]{1,8}(\.[0-9]{1,17})?'))
        AND (tags IS NULL OR tags = '[]' OR (regexp_full_match(tags, $tags) AND strlen(tags) <= $most_identifier))
        AND (filters IS NULL OR starts_with(filters, '{'))
        AND (results IS NULL OR regexp_full_match(results, $results))
)
SELECT
    n,
    n AS list_number,
    search[2:-2] AS search_id,
    coalesce("offset"::INTEGER, 0) AS page_offset,
    moment_at AS "at",
    make_timestamp($received_at) AS received_at,
    coalesce(retriever_id[2:-2], $retriever_id, 'default') AS retriever_id,
    pipeline_version[2:-2] AS pipeline_version,
    query_text AS query,
    CASE WHEN filters IS NULL AND regexp_full_match(query_text, $plain_query)
        THEN left(md5($key_version || chr(31) || lower(query_text) || chr(31)), 16)
    END AS query_key,
    nullif(filters, '{}') AS filters,
    CASE WHEN $inner_pad = '' THEN user_id[2:-2] WHEN user_id IS NOT NULL
        THEN 'u~' || left(sha256(unhex($outer_pad) || unhex(sha256(unhex($inner_pad) || encode(user_id[2:-2])))), 32)
    END AS user_key,
    session_id[2:-2] AS session_id,
    surface[2:-2] AS surface,
    device[2:-2] AS device,
    coalesce(actor[2:-2], 'human') AS actor,
    variant[2:-2] AS variant,
    total::BIGINT AS total,
    latency_ms::DOUBLE AS latency_ms,
    nullif(tags, '[]') AS tags,
    $source AS source,
    len(list)::INTEGER AS n_results,
    list AS results
FROM sound
WHERE moment_at BETWEEN make_timestamp($earliest_at) AND make_timestamp($latest_at)
    AND (list IS NULL OR len(list) <= $most_results)
