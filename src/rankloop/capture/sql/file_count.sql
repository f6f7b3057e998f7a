-- How many lines the portion has.
SELECT count(*) FROM import_lines
