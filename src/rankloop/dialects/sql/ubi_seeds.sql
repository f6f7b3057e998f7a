-- A record names itself.
CREATE OR REPLACE TEMP VIEW import_seeds AS SELECT n, body AS seed FROM ubi_records
