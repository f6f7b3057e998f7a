SELECT
  CAST(s."at", 'Nullable(Date32)') AS "day",
  (
    bitAnd(s.type_mask, 2)
  ) > 0 AS is_click,
  bitOr(s.type_mask, 1) AS a,
  bitXor(s.type_mask, 3) AS b,
  bitNot(s.type_mask) AS c,
  bitShiftLeft(toInt64(CAST(1, 'Nullable(Int64)')), s.position) AS d,
  bitShiftRight(s.type_mask, 1) AS e,
  bitCount(s.type_mask) AS f,
  intDiv(s.k, 2) AS g,
  toInt64(length(s.types)) AS h,
  toUnixTimestamp64Micro(s."at") AS i,
  formatDateTime(s."at", '%H:%i') AS j,
  reinterpretAsUInt64(substring(MD5(s.document_id), 9, 8)) AS m,
  lag(toNullable(s.query)) OVER (PARTITION BY s.session_id ORDER BY s.k) AS o,
  toInt64(ROW_NUMBER() OVER (ORDER BY s.k)) AS p,
  toInt64(COUNT(*) FILTER(WHERE
    s.k > 1) OVER (PARTITION BY s.session_id)) AS q
FROM interactions AS s
WHERE
  (
    FALSE OR hasAny(s.types, CAST(['click', 'it\'s \\ odd'], 'Array(String)'))
  )
  AND CAST(s."at", 'Nullable(Date32)') IN (
    SELECT
      arrayJoin(CAST(['2026-01-02'], 'Array(Date32)'))
  )
  AND (
    FALSE OR s."at" >= CAST('2026-01-02 03:04:05.000006', 'Nullable(DateTime64(6))')
  )
  AND s.k IN (
    SELECT
      arrayJoin(range(0, CAST(10, 'Nullable(Int64)')))
  )
UNION ALL
SELECT
  CAST(NULL, 'Nullable(Date32)'),
  max(x),
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  toInt64(COUNT(*) FILTER(WHERE
    x)),
  quantileExactInclusive(0.5)(y) + quantileExactInclusive(0.9)(y) + toInt64(length(arrayMap(t -> t.2, arraySort(groupArray(tuple(w, z))))))
FROM t

SELECT
  CAST(s."at", 'Nullable(Date32)') AS "day",
  (
    bitAnd(s.type_mask, 2)
  ) > 0 AS is_click,
  bitOr(s.type_mask, 1) AS a,
  bitXor(s.type_mask, 3) AS b,
  bitNot(s.type_mask) AS c,
  bitShiftLeft(toInt64(CAST(1, 'Nullable(Int64)')), s.position) AS d,
  bitShiftRight(s.type_mask, 1) AS e,
  bitCount(s.type_mask) AS f,
  intDiv(s.k, 2) AS g,
  toInt64(length(s.types)) AS h,
  toUnixTimestamp64Micro(s."at") AS i,
  formatDateTime(s."at", '%H:%i') AS j,
  reinterpretAsUInt64(substring(MD5(s.document_id), 9, 8)) AS m,
  lag(toNullable(s.query)) OVER (PARTITION BY s.session_id ORDER BY s.k) AS o,
  toInt64(ROW_NUMBER() OVER (ORDER BY s.k)) AS p,
  toInt64(COUNT(*) FILTER(WHERE
    s.k > 1) OVER (PARTITION BY s.session_id)) AS q
FROM interactions AS s
WHERE
  (
    TRUE OR hasAny(s.types, CAST([], 'Array(String)'))
  )
  AND CAST(s."at", 'Nullable(Date32)') IN (
    SELECT
      arrayJoin(CAST([], 'Array(Date32)'))
  )
  AND (
    TRUE OR s."at" >= CAST(NULL, 'Nullable(DateTime64(6))')
  )
  AND s.k IN (
    SELECT
      arrayJoin(range(0, CAST(NULL, 'Nullable(Int64)')))
  )
UNION ALL
SELECT
  CAST(NULL, 'Nullable(Date32)'),
  max(x),
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  toInt64(COUNT(*) FILTER(WHERE
    x)),
  quantileExactInclusive(0.5)(y) + quantileExactInclusive(0.9)(y) + toInt64(length(arrayMap(t -> t.2, arraySort(groupArray(tuple(w, z))))))
FROM t
