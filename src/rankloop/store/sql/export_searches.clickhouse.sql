SELECT
    s.search_id,
    s.page_offset AS "offset",
    formatDateTime(s."at", '%Y-%m-%dT%H:%i:%S.%fZ') AS timestamp,
    s.retriever_id,
    s.query,
    s.filters,
    s.user_key AS user_id,
    s.session_id,
    s.total,
    s.surface,
    s.device,
    s.actor,
    s.pipeline_version,
    s.variant,
    s.tags,
    s.latency_ms,
    CASE
        WHEN s.n_results IS NOT NULL OR r.results IS NOT NULL THEN coalesce(r.results, '[]')
    END AS results
FROM searches AS s
LEFT JOIN (
    SELECT
        p.search_key,
        toNullable(
            toJSONString(
                arrayMap(
                    x -> CAST(
                        (x.2, x.3, x.4),
                        'Tuple(document_id String, score Nullable(Float64), logging_probability Nullable(Float64))'
                    ),
                    arraySort(
                        x -> x.1,
                        groupArray((p.position, p.document_id, p.score, p.logging_probability))
                    )
                )
            )
        ) AS results
    FROM impressions AS p
    GROUP BY p.search_key
) AS r ON r.search_key = s.search_key
WHERE (isNull($retriever_id) OR s.retriever_id = $retriever_id)
    AND (isNull($start) OR s."at" >= $start)
    AND (isNull($end) OR s."at" < $end)
ORDER BY s."at", s.search_key
