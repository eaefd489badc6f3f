-- The words of the question that no chunk has which the audience may read, in whatever language, by their stems. What only
-- others may read is as unknown as what nobody wrote. Eight words are enough.
WITH allowed AS MATERIALIZED (
    SELECT ARRAY(SELECT id FROM ({audience}) AS allowed(id)) AS ids
), word AS MATERIALIZED (
    SELECT w.place, w.language, w.lexeme, l.id
    FROM rag_question_words(%(question)s, %(language)s, %(function_words)s) w
    LEFT JOIN LATERAL (            -- LIMIT: one by one by the index; the planner, who expects 1200 words, would read them all
        SELECT id FROM rag_lexeme WHERE language = w.language AND lexeme = w.lexeme AND frequency > 0 LIMIT 1
    ) l ON true
), unknown AS MATERIALIZED (
    SELECT place, lexeme, string_agg(language, ' ') AS languages, dense_rank() OVER (ORDER BY place) AS nth FROM word
    WHERE length(lexeme) BETWEEN 4 AND 40 AND lexeme ~ '^[a-z]+$' AND place NOT IN (
        SELECT place FROM word WHERE id IN (
            SELECT rag_visible_terms((SELECT array_agg(DISTINCT id) FROM word WHERE id IS NOT NULL),
                                     (SELECT ids FROM allowed))))
    GROUP BY place, lexeme
)
SELECT place, lexeme, languages FROM unknown WHERE nth <= 8
