-- For each word of the question that no chunk has which the audience may read: the known words that resemble it, most
-- alike first. What only others may read is as unknown as what nobody wrote; and which of the words found here are the
-- audience's is for rag/retrieval.py to ask, once it has seen which are near enough.
WITH allowed AS MATERIALIZED (
    SELECT ARRAY(SELECT id FROM ({audience}) AS allowed(id)) AS ids
), word AS MATERIALIZED (
    SELECT x.lexeme, l.id FROM unnest(rag_lexemes(%(question)s)) x
    LEFT JOIN rag_lexeme l ON l.lexeme = x.lexeme AND l.frequency > 0
    WHERE length(x.lexeme) BETWEEN 4 AND 40 AND x.lexeme ~ '^[a-z]+$'
), unknown AS MATERIALIZED (
    SELECT lexeme FROM word
    WHERE id IS NULL OR id NOT IN (SELECT rag_visible_terms((SELECT array_agg(id) FROM word WHERE id IS NOT NULL),
                                                            (SELECT ids FROM allowed)))
    LIMIT 8
), near AS MATERIALIZED (
    SELECT u.lexeme AS meant, near.* FROM unknown u
    CROSS JOIN LATERAL (
        SELECT l.id, l.lexeme, l.frequency FROM rag_lexeme l
        WHERE l.lexeme %% u.lexeme AND l.frequency >= %(least_frequency)s AND l.lexeme ~ '^[a-z]'
          AND length(l.lexeme) BETWEEN length(u.lexeme) - 2 AND length(u.lexeme) + 2
        ORDER BY similarity(l.lexeme, u.lexeme) DESC LIMIT 50) near
)
SELECT meant, lexeme, frequency, id FROM near
