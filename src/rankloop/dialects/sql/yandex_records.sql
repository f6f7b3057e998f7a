-- Columns of the block's lines, without what only pads them.
CREATE OR REPLACE TEMP TABLE yandex_records AS
SELECT n, c[1] AS session, TRY_CAST(c[2] AS BIGINT) AS moment, c[2] AS moment_text, c[3] AS action, c
FROM (
    SELECT n, list_transform(
        string_split(rtrim(body, chr(9) || chr(10) || chr(13)), chr(9)), lambda cell: trim(cell)
    ) AS c
    FROM import_block
)
