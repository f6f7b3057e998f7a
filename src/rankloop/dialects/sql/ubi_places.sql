-- Where the documents of rebuilt lists stood.
CREATE OR REPLACE TEMP TABLE import_places AS
SELECT n, place - 1 AS place, position
FROM (
    SELECT n, unnest(positions) AS position, generate_subscripts(positions, 1) AS place
    FROM ubi_searches
    WHERE positions IS NOT NULL
)
WHERE position <> place - 1
