-- Positions of lists that have gaps.
UPDATE import_impressions SET position = p.position
FROM import_places p
WHERE import_impressions.list_number = p.n AND import_impressions.position = p.place
