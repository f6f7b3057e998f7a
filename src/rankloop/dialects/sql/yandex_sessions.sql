-- The time of each session's first line.
CREATE OR REPLACE TEMP TABLE yandex_sessions (session VARCHAR, began BIGINT)
