-- All lines of the file.
CREATE OR REPLACE TEMP TABLE ubi_records (n BIGINT, body VARCHAR)
