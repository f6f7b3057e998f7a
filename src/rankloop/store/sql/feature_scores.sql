-- What lists scored their documents, summed up by pair; lists that a ranker looked at are left out.
--
-- A list in which a score is missing is taken to have scored by place: 1 / log2(rank + 1). The best
-- is the best of the list; behind the first page it is not known.
--
-- Parameters:
--   retriever_id VARCHAR: only this retriever
--   start TIMESTAMP: only lists from this moment on
--   end TIMESTAMP: only lists before this moment
-- Columns:
--   query_key VARCHAR: the information need
--   document_id VARCHAR: the document
--   n BIGINT: how often it was shown
--   score DOUBLE: sum of its scores
--   n_gap BIGINT: of those, where the best is known
--   score_gap DOUBLE: sum of how far it was behind the best
--   n_ratio BIGINT: of those, where the best is above 0
--   score_ratio DOUBLE: sum of its shares of the best
WITH lists AS (
    SELECT l.search_key AS search_key, l.query_key AS query_key
    FROM search_log l
    ANTI JOIN search_features f ON f.search_key = l.search_key
    WHERE l.is_counted
        AND ($retriever_id::VARCHAR IS NULL OR l.retriever_id = $retriever_id::VARCHAR)
        AND ($start::TIMESTAMP IS NULL OR l."at" >= $start::TIMESTAMP)
        AND ($end::TIMESTAMP IS NULL OR l."at" < $end::TIMESTAMP)
),
heads AS (
    SELECT
        p.search_key AS search_key,
        l.query_key AS query_key,
        count(*) = count(p.score) AS is_scored,
        min(p.position) = 0 AS is_first,
        max(p.score) AS best
    FROM impressions p
    JOIN lists l ON l.search_key = p.search_key
    GROUP BY p.search_key, l.query_key
),
scored AS (
    SELECT
        h.query_key AS query_key,
        p.document_id AS document_id,
        CASE WHEN h.is_scored THEN p.score ELSE ln(2.0::DOUBLE) / ln(p.position + 2.0::DOUBLE) END AS score,
        CASE WHEN NOT h.is_scored THEN 1.0::DOUBLE WHEN h.is_first THEN h.best END AS best
    FROM impressions p
    JOIN heads h ON h.search_key = p.search_key
)
SELECT
    query_key,
    document_id,
    count(*) AS n,
    sum(score)::DOUBLE AS score,
    count(best) AS n_gap,
    coalesce(sum(best - score), 0)::DOUBLE AS score_gap,
    count(*) FILTER (WHERE best > 0) AS n_ratio,
    coalesce(sum(score / best) FILTER (WHERE best > 0), 0)::DOUBLE AS score_ratio
FROM scored
GROUP BY query_key, document_id
ORDER BY query_key, document_id
