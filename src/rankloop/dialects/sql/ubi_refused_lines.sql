-- The same, as the verdict lists them.
SELECT line, code, pointer, detail FROM ubi_refused ORDER BY line
