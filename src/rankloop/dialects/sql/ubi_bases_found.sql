-- What to say about each application.
SELECT coalesce(application, 'no application') AS application, base, lowest, n_zero, n_one
FROM ubi_bases
ORDER BY 1
