-- For each word of the question that no chunk has which the audience may read, in whatever language: the known words that
-- resemble it, most alike first, stem by stem. What only others may read is as unknown as what nobody wrote; and which
-- of the words found here are the audience's is for rag/retrieval/search.py to ask, once it has seen which are near enough.
WITH allowed AS MATERIALIZED (
    SELECT ARRAY(SELECT id FROM ({audience}) AS allowed(id)) AS ids
), word AS MATERIALIZED (
    SELECT w.place, w.language, w.lexeme, l.id
    FROM rag_question_words(%(question)s, %(language)s, %(function_words)s) w
    LEFT JOIN rag_lexeme l ON l.language = w.language AND l.lexeme = w.lexeme AND l.frequency > 0
), unknown AS MATERIALIZED (
    SELECT place, lexeme, array_agg(language) AS languages, dense_rank() OVER (ORDER BY place) AS nth FROM word
    WHERE length(lexeme) BETWEEN 4 AND 40 AND lexeme ~ '^[a-z]+$' AND place NOT IN (
        SELECT place FROM word WHERE id IN (
            SELECT rag_visible_terms((SELECT array_agg(DISTINCT id) FROM word WHERE id IS NOT NULL),
                                     (SELECT ids FROM allowed))))
    GROUP BY place, lexeme
), near AS MATERIALIZED (
    SELECT u.place, u.lexeme AS meant, near.* FROM unknown u
    CROSS JOIN LATERAL (
        SELECT l.id, l.lexeme, l.frequency FROM rag_lexeme l
        WHERE l.lexeme %% u.lexeme AND l.frequency >= %(least_frequency)s AND l.lexeme ~ '^[a-z]'
          AND l.language = ANY(u.languages)
          AND length(l.lexeme) BETWEEN length(u.lexeme) - 2 AND length(u.lexeme) + 2
        ORDER BY similarity(l.lexeme, u.lexeme) DESC LIMIT 50) near
    WHERE u.nth <= 8
)
SELECT place, meant, lexeme, frequency, id FROM near
