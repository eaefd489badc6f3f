-- For each word of the question that no chunk has: the known words that resemble it, most alike first.
SELECT u.lexeme, near.lexeme, near.frequency
FROM (SELECT x.lexeme FROM unnest(rag_lexemes(%(question)s)) x
      WHERE length(x.lexeme) BETWEEN 4 AND 40 AND x.lexeme ~ '^[a-z]+$'
        AND NOT EXISTS (SELECT FROM rag_lexeme l WHERE l.lexeme = x.lexeme AND l.frequency > 0)
      LIMIT 8) u
CROSS JOIN LATERAL (
    SELECT l.lexeme, l.frequency FROM rag_lexeme l
    WHERE l.lexeme %% u.lexeme AND l.frequency >= %(least_frequency)s AND l.lexeme ~ '^[a-z]'
      AND length(l.lexeme) BETWEEN length(u.lexeme) - 2 AND length(u.lexeme) + 2
    ORDER BY similarity(l.lexeme, u.lexeme) DESC LIMIT 50) near
