-- A line names itself.
CREATE OR REPLACE TEMP VIEW import_seeds AS
SELECT n, rtrim(body, chr(10) || chr(13)) AS seed FROM import_block
