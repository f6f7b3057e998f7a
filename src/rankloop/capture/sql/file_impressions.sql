-- What the staged lists showed, one row a document; positions count through the pages.
CREATE OR REPLACE TEMP TABLE import_impressions AS
SELECT
    list_number,
    (page_offset + place)::INTEGER AS position,
    result.document_id,
    result.score,
    result.logging_probability
FROM (
    SELECT
        list_number,
        page_offset,
        unnest(range(len(results))) AS place,
        unnest(results) AS result
    FROM import_searches
)
