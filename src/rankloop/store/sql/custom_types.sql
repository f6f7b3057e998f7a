-- Which lists of types with a custom one among them were ever sent.
--
-- Columns:
--   types VARCHAR[]: types of some interaction, one of them at least custom
SELECT DISTINCT types
FROM interactions
WHERE type_mask >= 2147483648
ORDER BY types
