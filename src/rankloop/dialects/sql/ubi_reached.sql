-- The last line of the portion; NULL where there was none.
SELECT max(n) FROM import_lines
