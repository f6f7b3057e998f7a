-- How often each unnamed line of the file came before: its 128-bit hash and a count per block.
CREATE OR REPLACE TEMP TABLE import_seen (line_hash UHUGEINT, n_lines BIGINT)
