-- Sessions that the block brings.
INSERT INTO yandex_sessions
SELECT session, arg_min(moment, n)
FROM yandex_records
WHERE moment IS NOT NULL AND session NOT IN (SELECT session FROM yandex_sessions)
GROUP BY session
