-- Count the block's unnamed lines for the blocks that follow.
INSERT INTO import_seen
SELECT line_hash, count(*) FROM import_unnamed GROUP BY line_hash
