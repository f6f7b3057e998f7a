-- Lines that the fast lane left to the law.
SELECT n, rtrim(body, chr(10) || chr(13)) AS body
FROM import_lines
WHERE n NOT IN (SELECT n FROM import_interactions)
    AND n NOT IN (SELECT n FROM import_searches)
ORDER BY n
