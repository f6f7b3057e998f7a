-- Lists and clicks in the wire form. A time that is none is passed on as it is: the law refuses it.
CREATE OR REPLACE TEMP TABLE import_lines AS
WITH timed AS (
    SELECT r.*, coalesce(
        strftime(
            TRY(make_timestamp($start_us + (r.moment - s.began) * 1000)), '%Y-%m-%dT%H:%M:%S.%gZ'
        ),
        r.moment_text
    ) AS at_text
    FROM yandex_records r
    LEFT JOIN yandex_sessions s USING (session)
)
SELECT n, json_object(
    'query', c[4],
    'session_id', session,
    'timestamp', at_text,
    'tags', CASE WHEN c[5] <> '' THEN ['region:' || c[5]] END,
    'results', list_transform(
        list_filter(c[6:], lambda cell: cell <> ''), lambda cell: {'document_id': cell}
    )
)::VARCHAR AS body
FROM timed
WHERE action = 'Q' AND len(c) >= 4
UNION ALL
SELECT n, json_object(
    'feature_id', c[4],
    'interaction_type', 'click',
    'session_id', session,
    'timestamp', at_text
)::VARCHAR
FROM timed
WHERE action = 'C' AND len(c) = 4
