-- How many raw rows are stored, by table.
--
-- Columns:
--   searches BIGINT: lists shown
--   impressions BIGINT: documents shown
--   interactions BIGINT: what people did
SELECT
    (SELECT count(*) FROM searches) AS searches,
    (SELECT count(*) FROM impressions) AS impressions,
    (SELECT count(*) FROM interactions) AS interactions
