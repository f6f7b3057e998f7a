-- How long people took to the first click of a list, among known lists with one.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: first moment that counts
--   end TIMESTAMP: first moment that no longer counts
--   surface VARCHAR: only lists shown there
--   device VARCHAR: only lists shown on this kind of device
--   include_robots BOOLEAN: whether robots count like people
-- Columns:
--   n BIGINT: lists with a credited click
--   lower_quartile_ms DOUBLE: a quarter of them was clicked sooner
--   median_ms DOUBLE: half of them
--   upper_quartile_ms DOUBLE: three quarters of them
SELECT
    coalesce(count(*), 0)::BIGINT AS n,
    quantile_cont(first_click_delay_ms, 0.25)::DOUBLE AS lower_quartile_ms,
    quantile_cont(first_click_delay_ms, 0.5)::DOUBLE AS median_ms,
    quantile_cont(first_click_delay_ms, 0.75)::DOUBLE AS upper_quartile_ms
FROM search_log
WHERE first_click_delay_ms IS NOT NULL
    AND n_results IS NOT NULL
    AND ($retriever_id::VARCHAR IS NULL OR retriever_id = $retriever_id::VARCHAR)
    AND ($start::TIMESTAMP IS NULL OR "at" >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR "at" < $end::TIMESTAMP)
    AND ($surface::VARCHAR IS NULL OR surface = $surface::VARCHAR)
    AND ($device::VARCHAR IS NULL OR device = $device::VARCHAR)
    AND (is_counted OR $include_robots::BOOLEAN)
