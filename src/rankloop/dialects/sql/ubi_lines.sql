-- The next portion.
CREATE OR REPLACE TEMP TABLE import_lines AS
SELECT n, body FROM ubi_all_lines WHERE n > $after ORDER BY n LIMIT $most
