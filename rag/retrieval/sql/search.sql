-- The search: permission, BM25, cosine and their fusion in one statement, so that nothing can change between the check
-- and the reading. Filled in by rag/statement.py; model and dimensions are literals because the vector index is partial.
--   {audience}  a SELECT of the ids of the collections that the audience may read
--   chosen, n, each and passes, in braces: what filters by document add (rag/statement.py)
--   score = a * max(0, cosine - cosine of the 100th) + (1 - a) * bm25 / upper
--   upper = 2.2 * sum of idf over the question's words, BM25's bound: a chunk has a word in its own language's form only
-- Up to lexical_exact and dense_exact visible chunks every one is scored on that side; above, candidates come from the
-- indexes. The branch that is not wanted is never run (its condition is a one-time filter).
WITH visible AS MATERIALIZED (
    SELECT coalesce(array_agg(id), '{{}}') AS ids FROM ({audience}) AS allowed(id)
    WHERE %(collection_ids)s::bigint[] IS NULL OR id = ANY(%(collection_ids)s::bigint[])
), {chosen} size AS MATERIALIZED (           -- n: chunks to search; share, spread: those, and the collections', of all
    SELECT {n} AS n,
           {n} / greatest((SELECT chunk_count FROM rag_corpusstatistic), 1)::float8 AS share,
           coalesce(sum(chunk_count), 0)
               / greatest((SELECT chunk_count FROM rag_corpusstatistic), 1)::float8 AS spread
    FROM rag_collectionstatistic WHERE collection_id = ANY((SELECT ids FROM visible)::bigint[])
), word AS (        -- the question's words and those of its joined neighbours by their places, stemmed in every language
    SELECT place, language, lexeme FROM rag_question_words(%(question)s, %(language)s, %(function_words)s)
    UNION ALL SELECT -place, language, lexeme FROM rag_question_words(%(joined)s, %(language)s, '')
), known AS MATERIALIZED (                          -- unknown stems drop out here; misspelt words have what they were taken for
    SELECT w.place, l.id, l.language, l.frequency
    FROM word w CROSS JOIN LATERAL (                -- LIMIT: by the index; the planner, who expects 1200 words, would read them all
        SELECT id, language, frequency FROM rag_lexeme
        WHERE language = w.language AND lexeme = w.lexeme AND frequency > 0 LIMIT 1
    ) l
    UNION ALL SELECT c.place, l.id, l.language, l.frequency
    FROM unnest(%(corrected_places)s::int[], %(corrected_terms)s::bigint[]) AS c(place, id) JOIN rag_lexeme l USING (id)
    WHERE l.frequency > 0
), form AS MATERIALIZED (    -- and here those of which the audience can read no chunk; idf is the word's, in all languages
    SELECT k.place, k.id, k.language, k.frequency,
           ln(1 + greatest(s.chunk_count - sum(k.frequency) OVER word_here + 0.5, 0.5)
                  / (sum(k.frequency) OVER word_here + 0.5))::float8 AS idf
    FROM known k CROSS JOIN rag_corpusstatistic s
    WHERE k.id IN (SELECT rag_visible_terms((SELECT array_agg(DISTINCT id) FROM known),
                                            ARRAY(SELECT id FROM ({audience}) AS allowed(id))))
    WINDOW word_here AS (PARTITION BY k.place)
), term AS MATERIALIZED (
    SELECT id, language, frequency, sum(idf) AS weight FROM form GROUP BY id, language, frequency
), question AS MATERIALIZED (                       -- cast once: a cast further down would run for each row
    SELECT (coalesce('{{' || string_agg(id || ':' || weight::float4, ',') || '}}', '{{}}') || '/1000000000')::sparsevec
               AS terms,
           2.2 * (SELECT sum(idf) FROM (SELECT DISTINCT place, idf FROM form) AS words) AS upper,
           %(vector)s::halfvec({dimensions}) AS vector
    FROM term
), ranked AS (                              -- which terms propose candidates: each language's rarest, up to 4000 chunks
    SELECT id, language, proposes, row_number() OVER (PARTITION BY language, proposes ORDER BY place) AS nth
    FROM (SELECT id, language, place, so_far <= 4000 OR (place <= 2 AND so_far <= 8000) AS proposes
          FROM (SELECT id, language, row_number() OVER by_rarity AS place,
                       sum(frequency) OVER by_rarity * (SELECT share FROM size) AS so_far
                FROM term WINDOW by_rarity AS (PARTITION BY language ORDER BY frequency, id)) t) u
), proposer AS MATERIALIZED (           -- and of the question's main language the two rarest others, together; {{-1}} matches nothing
    SELECT coalesce((SELECT array_agg(id) FROM ranked WHERE proposes), '{{-1}}')::int[] AS any_of,
           (CASE WHEN count(*) FILTER (WHERE NOT proposes AND nth <= 2) = 2 OR bool_and(NOT proposes)
                 THEN array_agg(id) FILTER (WHERE NOT proposes AND nth <= 2) ELSE '{{-1}}' END)::int[] AS all_of
    FROM ranked WHERE language = (SELECT language FROM term GROUP BY language ORDER BY sum(weight) DESC, language LIMIT 1)
), lexical AS MATERIALIZED (
    (SELECT chunk_id, -(weights <#> (SELECT terms FROM question)) AS bm25 FROM rag_lexicalvector
     WHERE (rag_term_ids(weights) && (SELECT any_of FROM proposer)::int[]
            OR rag_term_ids(weights) @> (SELECT all_of FROM proposer)::int[])
       AND collection_id + 0 IN (SELECT unnest(ids) FROM visible)      -- most is visible: a hash; +0 keeps the index out
       AND (SELECT n FROM size) > %(lexical_exact)s AND (SELECT spread FROM size) > %(wide)s AND {passes}
     ORDER BY 2 DESC LIMIT %(candidates)s)
    UNION ALL
    (SELECT chunk_id, -(weights <#> (SELECT terms FROM question)) FROM rag_lexicalvector
     WHERE (rag_term_ids(weights) && (SELECT any_of FROM proposer)::int[]
            OR rag_term_ids(weights) @> (SELECT all_of FROM proposer)::int[])
       AND collection_id = ANY((SELECT ids FROM visible)::bigint[])    -- little is visible: both indexes
       AND (SELECT n FROM size) > %(lexical_exact)s AND (SELECT spread FROM size) <= %(wide)s AND {passes}
     ORDER BY 2 DESC LIMIT %(candidates)s)
    UNION ALL
    (SELECT chunk_id, bm25
     FROM (SELECT chunk_id, -(weights <#> (SELECT terms FROM question)) AS bm25 FROM rag_lexicalvector
           WHERE {each} AND (SELECT n FROM size) <= %(lexical_exact)s OFFSET 0) AS scored
     WHERE bm25 > 0 ORDER BY bm25 DESC LIMIT %(candidates)s)
), dense AS MATERIALIZED (
    (SELECT chunk_id, vector::halfvec({dimensions}) <=> (SELECT vector FROM question) AS distance FROM rag_embedding
     WHERE model_id = {model} AND collection_id = ANY((SELECT ids FROM visible)::bigint[])
       AND (SELECT n FROM size) > %(dense_exact)s AND {passes}
     ORDER BY vector::halfvec({dimensions}) <=> (SELECT vector FROM question) LIMIT %(candidates)s)
    UNION ALL
    (SELECT chunk_id, distance
     FROM (SELECT chunk_id, vector::halfvec({dimensions}) <=> (SELECT vector FROM question) AS distance
           FROM rag_embedding
           WHERE model_id = {model} AND {each} AND (SELECT n FROM size) <= %(dense_exact)s OFFSET 0) AS scored
     ORDER BY distance LIMIT %(candidates)s)
), baseline AS MATERIALIZED (
    SELECT max(distance) AS distance FROM (SELECT distance FROM dense ORDER BY distance LIMIT 100) AS nearest
), scored AS MATERIALIZED (                          -- both scores, exact, for the candidates of either side
    SELECT c.chunk_id, l.collection_id,
           1 - (e.vector::halfvec({dimensions}) <=> q.vector) AS cosine,
           CASE WHEN e.vector IS NOT NULL       -- greatest() would take 0 for an absent one
                THEN greatest(0, b.distance - (e.vector::halfvec({dimensions}) <=> q.vector)) END AS meaning,
           -(l.weights <#> q.terms) AS bm25,
           coalesce(-(l.weights <#> q.terms) / q.upper, 0) AS words
    FROM (SELECT chunk_id FROM dense UNION SELECT chunk_id FROM lexical) c
    JOIN rag_lexicalvector l USING (chunk_id)
    LEFT JOIN rag_embedding e ON e.chunk_id = c.chunk_id AND e.model_id = {model}
    CROSS JOIN question q CROSS JOIN baseline b
), fused AS (
    -- A chunk whose vector is still to come gets the meaning that chunks with as many of the words have on average:
    -- with 0 a document would rank below worse ones for the minute its vectors take.
    SELECT s.*, %(a)s * coalesce(s.meaning, s.words * typical.meaning, 0) + (1 - %(a)s) * s.words AS score
    FROM scored s CROSS JOIN (
        SELECT sum(meaning) / nullif(sum(words), 0) AS meaning FROM scored WHERE meaning IS NOT NULL AND words > 0
    ) AS typical
), best AS MATERIALIZED (
    SELECT * FROM fused ORDER BY score DESC, chunk_id LIMIT %(top_k)s
)
SELECT b.chunk_id, d.id, d.title, d.collection_id, c.text, c.page, c.page_end, c.heading,
       b.score, b.cosine, b.bm25, c.ordinal, c.start, d.source
FROM best b
JOIN rag_chunk c ON c.id = b.chunk_id
JOIN rag_document d ON d.id = c.document_id
WHERE d.status <> 'failed' AND d.collection_id = ANY((SELECT ids FROM visible)::bigint[])
ORDER BY b.score DESC, b.chunk_id
