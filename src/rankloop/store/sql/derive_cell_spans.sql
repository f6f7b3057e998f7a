-- Which weeks cells are kept of, and how; and the week of the last list.
--
-- Columns:
--   week DATE: the Monday of the week; NULL where there is no list
--   form BIGINT: 0 for kept by day, 1 for rolled up, 2 for the week of the last list
SELECT DISTINCT date_trunc('week', "day")::DATE AS week, 0::BIGINT AS form FROM cell_days
UNION ALL
SELECT DISTINCT week, 1::BIGINT AS form FROM cell_weeks
UNION ALL
SELECT date_trunc('week', max("day"))::DATE AS week, 2::BIGINT AS form FROM search_log
ORDER BY form, week
