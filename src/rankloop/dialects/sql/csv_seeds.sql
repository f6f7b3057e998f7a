-- A record names itself.
CREATE OR REPLACE TEMP VIEW import_seeds AS SELECT n, seed FROM import_lines
